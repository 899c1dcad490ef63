package deploy

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"
)

// Unit describes the service of a program that serves its model, for systemd.
type Unit struct {
	Name   string   // of the service, without .service
	User   string   // that owns the folder
	Folder string   // of the deployment, absolute
	Args   []string // of the program
}

// UnitFile is a file of systemd.
type UnitFile struct{ Path, Text string }

var (
	unitName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,63}$`)
	userName = regexp.MustCompile(`^[a-z_][a-z0-9_-]{0,31}\$?$`)
)

// misread reports whether systemd, or a shell, reads a sign in its own way.
func misread(r rune) bool { return r <= ' ' || strings.ContainsRune("\"'\\%$;", r) }

// CheckUnitName returns an error if systemd could take the name of a service for something else.
func CheckUnitName(name string) error {
	if !unitName.MatchString(name) {
		return fmt.Errorf("deploy: %q is no name of a service; give letters and digits, such as edgec", name)
	}
	return nil
}

// Files returns two units. The service tests the program at each start; it starts again after a
// failure or a silence of 30 seconds. If it has failed four times in five minutes, the second
// unit makes current the program before, once, and starts the service again; the next command of
// edgec learns of that from the links.
//
// Errors: a name or a path that systemd could take for something else.
func (u Unit) Files() ([]UnitFile, error) {
	if err := CheckUnitName(u.Name); err != nil {
		return nil, err
	}
	switch {
	case !userName.MatchString(u.User):
		return nil, fmt.Errorf("deploy: %q is no name of a user", u.User)
	case !path.IsAbs(u.Folder) || strings.ContainsFunc(u.Folder, misread):
		return nil, fmt.Errorf("deploy: the path %q has signs that systemd reads in its own way; choose a folder of letters and digits", u.Folder)
	}
	words := []string{path.Join(u.Folder, currentName, programName)}
	for _, a := range u.Args {
		if a == "" || strings.ContainsFunc(a, misread) {
			return nil, errors.New("deploy: give arguments of the program without blanks and quotes")
		}
		words = append(words, a)
	}
	private := "PrivateTmp=yes"
	if strings.HasPrefix(u.Folder, "/tmp/") || strings.HasPrefix(u.Folder, "/var/tmp/") {
		private = "PrivateTmp=no" // it would hide the program
	}
	fill := strings.NewReplacer("PrivateTmp=yes", private, "NAME", u.Name, "USER", u.User, "FOLDER", u.Folder, "COMMAND", strings.Join(words, " "))
	folder := "/etc/systemd/system/"
	return []UnitFile{
		{folder + u.Name + ".service", fill.Replace(serviceText)},
		{folder + u.Name + "-rollback.service", fill.Replace(rollbackText)},
	}, nil
}

// unitFolders are where systemd looks for a service of the system.
var unitFolders = []string{"/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"}

// InstallScript returns a script for the shell of root that installs units, whole or not at all,
// and starts the first. Unless force is set, it refuses to take the place of a service of the same
// name that is not of the same folder.
func InstallScript(files []UnitFile, force bool) string {
	return installScript(files, force, "choose another --name, or let edgec unit --force replace it")
}

// installScript is InstallScript with a remedy for a name that is taken.
func installScript(files []UnitFile, force bool, remedy string) string {
	var b strings.Builder
	b.WriteString("set -e\n")
	for _, f := range files {
		_, rest, _ := strings.Cut(f.Text, "\nWorkingDirectory=")
		folder, _, _ := strings.Cut(rest, "\n")
		for _, in := range unitFolders {
			if !force {
				fmt.Fprintf(&b, "if test -e %[1]s && ! grep -qxF 'WorkingDirectory=%[2]s' %[1]s; then echo 'edgec: %[1]s is another service; %[3]s' >&2; exit 1; fi\n", path.Join(in, path.Base(f.Path)), folder, remedy)
			}
		}
	}
	for _, f := range files {
		fmt.Fprintf(&b, "cat >%[1]s.tmp <<'END-OF-UNIT'\n%[2]sEND-OF-UNIT\nmv %[1]s.tmp %[1]s\n", f.Path, f.Text)
	}
	fmt.Fprintf(&b, "systemctl daemon-reload\nsystemctl enable --now %s\n", path.Base(files[0].Path))
	return b.String()
}

// serviceText leaves /proc/cpuinfo and /dev/vcio visible, which tell processor and throttling.
// MemoryMax would do nothing on systems of the Raspberry Pi, whose kernels have no memory cgroup.
const serviceText = `[Unit]
Description=Model in FOLDER
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=300
StartLimitBurst=4
OnFailure=NAME-rollback.service

[Service]
Type=notify
User=USER
WorkingDirectory=FOLDER
ExecStartPre=FOLDER/current/program --selftest
ExecStart=COMMAND
WatchdogSec=30
TimeoutStartSec=180
Restart=on-failure
RestartSec=2
NoNewPrivileges=yes
CapabilityBoundingSet=
ProtectSystem=strict
ProtectHome=read-only
PrivateTmp=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectControlGroups=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service

[Install]
WantedBy=multi-user.target
`

const rollbackText = `[Unit]
Description=Return to the program before in FOLDER

[Service]
Type=oneshot
User=USER
WorkingDirectory=FOLDER
ExecStart=/bin/sh -c "test -h previous && readlink current >given-up && mv -T previous current && sync"
ExecStartPost=+/bin/sh -c "systemctl reset-failed NAME.service; systemctl --no-block start NAME.service"
`
