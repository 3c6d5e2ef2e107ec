"""Tells from collected logs alone why a Windows device failed Microsoft Entra hybrid join, and what to do."""

__version__ = "0.1.0"
