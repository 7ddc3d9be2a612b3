@echo off
rem Windows: a double-click starts the program; start.ps1 beside this file finds a Python for it.
chcp 65001 >nul
powershell -NoProfile -ExecutionPolicy Bypass -File "%~dp0start.ps1" %*
if errorlevel 1 pause
