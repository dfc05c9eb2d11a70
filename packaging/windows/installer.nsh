; What uninstalling removes beside the program's own files. Included by electron-builder's installer script.
;
; In a silent uninstall (/S) nobody can be asked, so the vault stays; the same goes for the step in which a new version takes the
; place of the old one. A per-machine uninstall reaches only the person who runs it: other people's registry is not loaded.

; The command on the PATH: a line of batch in the one folder that Windows has there for every person. PATH itself is not written: NSIS cuts long
; values, and what is cut is lost.
!macro customInstall
  FileOpen $0 "$LOCALAPPDATA\Microsoft\WindowsApps\lakepass.cmd" w
  ${if} $0 != ""
    FileWrite $0 '@"$INSTDIR\resources\bin\lakepass.exe" %*$\r$\n'
    FileClose $0
  ${endIf}

  ; Links that begin with lakepass: for whomever it is installed for. electron-builder writes this for macOS and Linux only. What stands
  ; behind the bare -- is no switch, whatever a web page has put into the link.
  WriteRegStr SHELL_CONTEXT "Software\Classes\lakepass" "" "URL:Lakepass"
  WriteRegStr SHELL_CONTEXT "Software\Classes\lakepass" "URL Protocol" ""
  WriteRegStr SHELL_CONTEXT "Software\Classes\lakepass\shell\open\command" "" '"$INSTDIR\${APP_EXECUTABLE_FILENAME}" "--" "%1"'
!macroend

; While they lead to this program: "C:\...\Lakepass.exe" "%1"
!macro removeLinks root
  ReadRegStr $0 ${root} "Software\Classes\lakepass\shell\open\command" ""
  StrLen $1 "$INSTDIR"
  StrCpy $2 $0 $1 1
  ${if} $2 == $INSTDIR
    DeleteRegKey ${root} "Software\Classes\lakepass"
  ${endIf}
!macroend

!macro customUnInstall
  ${ifNot} ${isUpdated}
    ; Started with the session: Electron writes this value when the person turns it on, under one of these names.
    DeleteRegValue HKCU "Software\Microsoft\Windows\CurrentVersion\Run" "${APP_ID}"
    DeleteRegValue HKCU "Software\Microsoft\Windows\CurrentVersion\Run" "electron.app.${PRODUCT_NAME}"
    DeleteRegValue HKCU "Software\Microsoft\Windows\CurrentVersion\Explorer\StartupApproved\Run" "${APP_ID}"
    DeleteRegValue HKCU "Software\Microsoft\Windows\CurrentVersion\Explorer\StartupApproved\Run" "electron.app.${PRODUCT_NAME}"

    ; The links, as the installer wrote them and as the program does for its person.
    !insertmacro removeLinks SHELL_CONTEXT
    !insertmacro removeLinks HKCU

    Delete "$LOCALAPPDATA\Microsoft\WindowsApps\lakepass.cmd"

    ; The control pipe has no file; it ended with the program.
    MessageBox MB_YESNO|MB_ICONQUESTION|MB_DEFBUTTON2 \
      "Delete this person's vault as well? It holds the sign-in, the grants and the enrolled keys.$\r$\n$\r$\nThe audit log is kept either way." \
      /SD IDNO IDNO keepVault
      RMDir /r "$PROFILE\.local\share\lakepass"
      nsExec::Exec 'cmdkey /delete:vault-key.lakepass'
    keepVault:
  ${endIf}
!macroend
