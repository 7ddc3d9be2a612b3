# Windows: finds a Python from 3.10 to 3.13, or fetches one with uv, and starts app.py with it.
# Everything else is decided by app.py. Arguments are passed on: start.bat --desktop
# ASCII only: Windows PowerShell 5.1 reads a file without a byte order mark in the machine's old code page.
$ErrorActionPreference = 'Stop'
$root = Split-Path -Parent (Split-Path -Parent $PSScriptRoot)
$private = Join-Path $root '.uv'

function Stop-With([string] $sentence) {
    Write-Host ''
    Write-Host $sentence
    exit 1
}

function Test-Fit([string] $python, [string[]] $before) {
    $question = 'import ensurepip, sys, venv; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))'
    try {
        & $python @before -c $question 2>$null | Out-Null
        return $LASTEXITCODE -eq 0
    } catch {
        return $false
    }
}

function Find-Python {
    if (Get-Command py -ErrorAction SilentlyContinue) {
        foreach ($version in '-3.12', '-3.11', '-3.13', '-3.10') {
            if (Test-Fit 'py' @($version)) { return @('py', $version) }
        }
    }
    foreach ($name in 'python3', 'python') {
        if ((Get-Command $name -ErrorAction SilentlyContinue) -and (Test-Fit $name @())) { return @($name) }
    }
    return $null
}

function Find-Uv {
    $onPath = Get-Command uv -ErrorAction SilentlyContinue
    $places = @((Join-Path $private 'uv.exe'), (Join-Path $env:USERPROFILE '.local\bin\uv.exe'))
    if ($onPath) { $places += $onPath.Source }
    foreach ($place in $places) {
        if (Test-Path -LiteralPath $place) { return $place }
    }
    return $null
}

function Get-Python {
    $uv = Find-Uv
    if (-not $uv) {
        Write-Host "No Python from 3.10 to 3.13 is here: fetching one (about 50 MB), into $private only."
        $env:UV_UNMANAGED_INSTALL = $private
        [Net.ServicePointManager]::SecurityProtocol = [Net.SecurityProtocolType]::Tls12
        Invoke-RestMethod 'https://astral.sh/uv/install.ps1' | Invoke-Expression | Out-Host
        $uv = Find-Uv
    }
    if (-not $uv) { return $null }
    $env:UV_PYTHON_INSTALL_DIR = Join-Path $private 'python'
    & $uv python install 3.12 | Out-Host
    if ($LASTEXITCODE -ne 0) { return $null }
    return @(& $uv python find --managed-python 3.12)
}

if (-not (Test-Path -LiteralPath (Join-Path $root 'app.py'))) {
    Stop-With "app.py is not where it should be ($root): leave this file in assets\launchers and start it there."
}
$found = @(Find-Python)
if (-not $found[0]) {
    try { $found = @(Get-Python) } catch { $found = @($null) }
}
if (-not $found[0]) {
    Stop-With 'There is no Python from 3.10 to 3.13, and none could be fetched: check the network (HTTPS_PROXY), or install Python 3.12 from python.org, then start this again.'
}
$env:PATH = "$private;$env:PATH"
$env:PYTHONUTF8 = '1'
$python = $found[0]
$before = @($found | Select-Object -Skip 1)
& $python @before (Join-Path $root 'app.py') @args
exit $LASTEXITCODE
