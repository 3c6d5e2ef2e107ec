"""Account names as evidence prints them, and whether two of them name one account."""

from __future__ import annotations

from troubleshoot.model import Account

REAL_USERS = frozenset({"domain", "entra", "local"})
"""Kinds of account that are somebody's: SYSTEM and unknown ones are not."""


def key_of(account: Account | None) -> str | None:
    """The key of a real user's account: the UPN, else the printed name, in lower case. None for SYSTEM and unknown."""
    if account is None or account.kind not in REAL_USERS:
        return None
    name = account.upn or account.name
    return name.casefold() if name else None


def same_account(left: str | None, right: str | None) -> bool:
    """Do two printed names (UPN, ``DOMAIN\\name``, name) name one account, as far as they tell?"""
    if left is None or right is None:
        return False
    left, right = left.casefold(), right.casefold()
    if left == right:
        return True
    if ("@" in left) == ("@" in right) and ("\\" in left) == ("\\" in right):
        return False
    return short(left) == short(right)


def short(name: str) -> str:
    """The name without its domain."""
    return name.partition("@")[0].rpartition("\\")[2]
