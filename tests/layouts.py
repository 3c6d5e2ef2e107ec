"""What each collector writes: a path and a kind a line, {H} for the computer's name (shortened; all of what matters here)."""

from __future__ import annotations

_AUTH = r"""
authlogs/script-info.txt | bundle-marker
authlogs/PreTraceLogs/DsRegCmdStatus.txt | dsregcmd-status
authlogs/PreTraceLogs/Dsregcmddebug.txt | dsregcmd-debug
authlogs/PreTraceLogs/UsrDeviceReg_Adm.evtx | evtx
authlogs/Dsregcmd.txt | dsregcmd-status
authlogs/Dsregcmddebug.txt | dsregcmd-debug
authlogs/Aad_Oper.evtx | evtx
authlogs/Aad_Analytic.evtx | evtx
authlogs/UsrDeviceReg_Adm.evtx | evtx
authlogs/UsrDeviceReg_Dbg.evtx | evtx
authlogs/Hfb_Oper.evtx | evtx
authlogs/Kerb_Oper.evtx | evtx
authlogs/System.evtx | evtx
authlogs/Tickets.txt | klist
authlogs/Tickets-localsystem.txt | klist
authlogs/SecureChannel.txt | nltest
authlogs/trustinfo.txt | nltest
authlogs/Schtasks.query.v.txt | schtasks
authlogs/Schtasks.query.xml.txt | schtasks-xml
authlogs/Certinfo_and_Certenroll/Machine-Store.txt | certs
authlogs/Certinfo_and_Certenroll/CertificateServicesClientLog.xml | event-xml
authlogs/whoami.txt | whoami
authlogs/Build.txt | os-info
authlogs/Credman.txt | secret
authlogs/RegCDJ-key.txt | reg-query
authlogs/Reg-WPJ-Policy-key.txt | reg-query
authlogs/DeviceManagement_and_MDM/MDMEnrollments-key.txt | reg-query
authlogs/DeviceManagement_and_MDM/DmEventLog.txt | event-text
authlogs/SCCM-enrollment/ClientIDManagerStartup.log | cmtrace
authlogs/WAM/settings.dat | secret
authlogs/WAM/tbacct.txt | secret
authlogs/Netsetup.log | netsetup-log
authlogs/GPOresult.html | gpresult
authlogs/Lsass.log | other
authlogs/netstat.txt | other
authlogs/pnpstate.pnp | ignore
authlogs/Ngc_trace.etl | etl
"""

LAYOUTS: dict[str, str] = {
    "auth-v5": _AUTH,
    "auth-v6": _AUTH
    + r"""
authlogs/CDJ-AAD.txt | reg-query
authlogs/GlobalGP-key.txt | reg-query
authlogs/Aadrt_admin.evtx | evtx
authlogs/DeviceManagement_and_MDM/mdmdiag.zip | nested-archive
""",
    "tss": r"""
TSS_{H}_260304-081500_ADS_Auth/{H}_260304-081500__Log-transcript.txt | bundle-marker
TSS_{H}_260304-081500_ADS_Auth/{H}_260304-081500_DSregCmd_Start_.txt | dsregcmd-status
TSS_{H}_260304-081500_ADS_Auth/{H}_260304-081500_DSregCmd_Stop_.txt | dsregcmd-status
TSS_{H}_260304-081500_ADS_Auth/BasicLog_Mini/{H}_DSregCmd.txt | dsregcmd-status
TSS_{H}_260304-081500_ADS_Auth/{H}_260304-081500_Aad_Oper.evtx | evtx
TSS_{H}_260304-081500_ADS_Auth/{H}_260304-081500_UsrDeviceReg_Adm.evtx | evtx
TSS_{H}_260304-081500_ADS_Auth/{H}-Microsoft-Windows-AAD-Operational.csv | event-csv
TSS_{H}_260304-081500_ADS_Auth/{H}-Microsoft-Windows-AAD-Operational.txt | event-text
TSS_{H}_260304-081500_ADS_Auth/LocaleMetaData/{H}-Microsoft-Windows-AAD-Operational_1033.MTA | evtx-locale
TSS_{H}_260304-081500_ADS_Auth/{H}_260304-081500_reg_RegCDJ.txt | reg-query
TSS_{H}_260304-081500_ADS_Auth/{H}_260304-081500_reg_Reg-WPJ-Policy.txt | reg-query
TSS_{H}_260304-081500_ADS_Auth/{H}_260304-081500_kList_Tickets_Start_.txt | klist
TSS_{H}_260304-081500_ADS_Auth/{H}_260304-081500_Cert_machine-store.txt | certs
TSS_{H}_260304-081500_ADS_Auth/{H}_260304-081500_NLTEST_DomInfo_Start_.txt | nltest
TSS_{H}_260304-081500_ADS_Auth/{H}_260304-081500_Proxy_Start_.txt | proxy
TSS_{H}_260304-081500_ADS_Auth/{H}_OS_EventLogs.zip | nested-archive
TSS_{H}_260304-081500_ADS_Auth/{H}_260304-081500_trace.etl | etl
""",
    "sdp": r"""
SDP_{H}_260304_Net/{H}_DsRegCmd.txt | dsregcmd-status
SDP_{H}_260304_Net/{H}_evt_UserDeviceRegistration-Admin.evtx | evtx
SDP_{H}_260304_Net/{H}_evt_AAD-Operational.evtx | evtx
SDP_{H}_260304_Net/{H}_evt_AAD-Operational.csv | event-csv
SDP_{H}_260304_Net/{H}_evt_AAD-Operational.txt | event-text
""",
    "dsregtool": r"""
PreTrace/dsregcmd-status.txt | dsregcmd-status
PreTrace/dsregcmd-debug.txt | dsregcmd-debug
PreTrace/AAD-Operational.evtx | evtx
dsregcmd-status.txt | dsregcmd-status
dsregcmd.txt | dsregcmd-status
dsregcmd-debug.txt | dsregcmd-debug
CloudDomainJoin.txt | reg-export
IdentityStore.txt | reg-export
SCP-config-partition.txt | scp
SCP-client-side.txt | scp
DeviceInfo.txt | device-info
winHTTP.txt | proxy
winInet-system.txt | proxy
TestDeviceRegConnectivity-system.txt | connectivity
TestDeviceRegConnectivity-user.txt | connectivity
Task-Scheduler.txt | schtasks
AAD-Operational.evtx | evtx
User Device Registration-Admin.evtx | evtx
User Device Registration-Debug.evtx | evtx
LocaleMetaData/AAD-Operational_1033.MTA | evtx-locale
DSRegTool.log | dsregtool-log
GPResult.html | gpresult
ipconfig-all.txt | ipconfig
hosts.txt | os-info
AADExtention/enterpriseregistration.windows.net.txt | connectivity
AADExtention/AzureVMTenantID.txt | azure-imds
AADExtention/AzureVMAccessToken.txt | secret
WebAuth.etl | etl
""",
    "intune-new": r"""
results.xml | bundle-marker
(4) RegistryKey HKLM_Software_Policies export.reg | reg-export
(7) No Results - Error [0x80070002] RegistryKey HKLM_Software_Microsoft_Windows_CurrentVersion_Internet Settings | intune-empty-marker
(12) Command windir_system32_Dsregcmd_exe_status output.log | dsregcmd-status
(20) Command windir_system32_certutil_exe_-store output.log | certs
(22) Command windir_system32_ping_exe_-n_50_localhost output.log | intune-command-output
(30) Command windir_system32_netsh_exe_winhttp_show_proxy output.log | proxy
(47) Events Microsoft-Windows-HelloForBusiness_Operational Events.evtx | evtx
(60) FoldersFiles windir_ccm_logs_log/CoManagementHandler.log | cmtrace
(62) FoldersFiles temp_MDMDiagnostics_mdmlogs_cab/mdmlogs-2026-03-04-08-15-00.cab | nested-archive
(63) FoldersFiles MpSupportFiles/MpSupportFiles.cab | ignore
""",
    "intune-old": r"""
results.xml | bundle-marker
1/output.log | dsregcmd-status
2/Events.evtx | evtx
14/export.reg | reg-export
27/output.log | intune-command-output
""",
    "intune-flattened": r"""
DiagLogs-{H}-20260304T081500Z_formatted/(10) (_windir__system32_Dsregcmd_exe__status) (0x00000000) output.log | dsregcmd-status
DiagLogs-{H}-20260304T081500Z_formatted/(4) RegistryKey HKLM_Software_Policies export.reg | reg-export
""",
    "mdm": r"""
microsoft-windows-aad-operational.evtx | evtx
microsoft-windows-user device registration-admin.evtx | evtx
microsoft-windows-devicemanagement-enterprise-diagnostics-provider-admin.evtx | evtx
MdmDiagReport_RegistryDump.reg | reg-export
MDMDiagReport.xml | mdm-report-xml
MDMDiagHtmlReport.html | mdm-report-html
MdmDiagLogMetadata.json | bundle-marker
MdmLogCollectorFootPrint.txt | bundle-marker
TpmHliInfo_Output.txt | tpm
LicensingDiag.cab | nested-archive
AutopilotDDSZTDFile.json | autopilot-profile
DeviceHash_{H}.csv | secret
DiagnosticLogCSP_Collector_DeviceEnrollment_2026_3_4_8_15_0.etl | etl
""",
    "msrd": r"""
MSRD-Results-{H}-20260304_081500/{H}_SystemInfo/{H}_Dsregcmd.txt | dsregcmd-status
MSRD-Results-{H}-20260304_081500/{H}_SystemInfo/{H}_SystemInfo.txt | systeminfo
MSRD-Results-{H}-20260304_081500/{H}_SystemInfo/{H}_Gpresult-rz.txt | gpresult
MSRD-Results-{H}-20260304_081500/{H}_EventLogs/{H}_AAD-Operational.evtx | evtx
MSRD-Results-{H}-20260304_081500/{H}_EventLogs/{H}_UserDeviceRegistration-Admin.evtx | evtx
MSRD-Results-{H}-20260304_081500/{H}_RegistryKeys/{H}_HKLM-System-CCS-Control-CloudDomainJoin.txt | reg-export
MSRD-Results-{H}-20260304_081500/{H}_RegistryKeys/{H}_HKLM-SW-Policies.txt | reg-export
MSRD-Results-{H}-20260304_081500/{H}_Networking/{H}_Proxy.txt | proxy
MSRD-Results-{H}-20260304_081500/{H}_Networking/{H}_Nltest-scquery.txt | nltest
MSRD-Results-{H}-20260304_081500/{H}_Certificates/{H}_Certificates-My.txt | certs
MSRD-Results-{H}-20260304_081500/{H}_MSRD-Diag.html | collector-report
MSRD-Results-{H}-20260304_081500/{H}_MDM/{H}_MDMDiagReport.zip | nested-archive
""",
    "odc": r"""
Intune/Commands/General/{H}_dsreg_status.txt | dsregcmd-status
Intune/Commands/General/{H}_dsregcmd_debug.txt | dsregcmd-debug
Intune/Commands/General/{H}_whoami.txt | whoami
Intune/Commands/General/{H}_ScheduledTasks.txt | schtasks
Intune/Commands/General/{H}_proxy_settings.txt | proxy
Intune/Commands/Networking/{H}_Connectivity_tests.txt | connectivity
Intune/RegistryKeys/{H}_REG_CCS_Control_CloudDomainJoin.txt | reg-export
Intune/RegistryKeys/{H}_REG_SW_Policies.txt | reg-export
Intune/EventLogs/{H}_Microsoft-Windows-AAD%4Operational.evtx | evtx
Intune/EventLogs/{H}_Microsoft-Windows-User Device Registration%4Admin.evtx | evtx
Intune/Files/ConfigMgr/CoManagementHandler.log | cmtrace
""",
    "mde": r"""
MDEClientAnalyzerResult/SystemInfoLogs/dsregcmd.txt | dsregcmd-status
MDEClientAnalyzerResult/SystemInfoLogs/MDEClientAnalyzer.txt | connectivity
MDEClientAnalyzerResult/EventLogs/AAD-Operational.evtx | evtx
MDEClientAnalyzerResult/EventLogs/AADRT-Admin.evtx | evtx
MDEClientAnalyzerResult/EventLogs/MdmAdmin.evtx | evtx
""",
    "azure-disk": r"""
Windows/System32/winevt/Logs/Microsoft-Windows-AAD%4Operational.evtx | evtx
Windows/System32/winevt/Logs/Microsoft-Windows-User Device Registration%4Admin.evtx | evtx
Windows/System32/winevt/Logs/Microsoft-Windows-Workplace Join%4Admin.evtx | evtx
Windows/System32/config/SOFTWARE | registry-hive
Windows/System32/config/SYSTEM | registry-hive
Windows/System32/config/SYSTEM.LOG1 | registry-hive
Windows/debug/NetSetup.LOG | netsetup-log
WindowsAzure/Logs/Plugins/Microsoft.Azure.ActiveDirectory.AADLoginForWindows/2.2.0.0/AADLoginForWindows.log | sniff
""",
    "css-collect": r"""
DSC-Results-{H}-20260304_081500/DSRegStatus.txt | dsregcmd-status
DSC-Results-{H}-20260304_081500/RegistryExports/CloudDomainJoin.reg.txt | reg-export
""",
    "gsa": r"""
GlobalSecureAccessLogsArchive_08-15-00__04-03-2026_0c5b8f6e/dsregcmd.txt | dsregcmd-status
GlobalSecureAccessLogsArchive_08-15-00__04-03-2026_0c5b8f6e/Microsoft-Windows-AAD-Operational.evtx | evtx
GlobalSecureAccessLogsArchive_08-15-00__04-03-2026_0c5b8f6e/Microsoft-Windows-UserDeviceRegistration-Admin.evtx | evtx
GlobalSecureAccessLogsArchive_08-15-00__04-03-2026_0c5b8f6e/kerberos_info.txt | klist
GlobalSecureAccessLogsArchive_08-15-00__04-03-2026_0c5b8f6e/systemWideProxy.txt | proxy
GlobalSecureAccessLogsArchive_08-15-00__04-03-2026_0c5b8f6e/userConfiguredProxy.txt | proxy
GlobalSecureAccessLogsArchive_08-15-00__04-03-2026_0c5b8f6e/systeminfo.txt | systeminfo
""",
    "cmtraceopen": r"""
evidence/event-logs/aad-operational.evtx | evtx
evidence/event-logs/user-device-registration-admin.evtx | evtx
evidence/dsregcmd-status.txt | dsregcmd-status
evidence/cloud-domain-join-tenantinfo.reg | reg-export
evidence/hklm-policies.reg | reg-export
evidence/mdm-enrollments.reg | reg-export
""",
    "by-hand": r"""
dsreg.txt | dsregcmd-status
AAD-Operational.csv | event-csv
certs.txt | certs
klist.txt | klist
notes from Anna.txt | sniff
""",
}
