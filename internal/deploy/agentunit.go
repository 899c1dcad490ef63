package deploy

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"unicode"
)

// AgentUnit describes the service of an agent, for systemd.
type AgentUnit struct {
	Name     string   // of the service, without .service
	User     string   // that owns the folder
	Folder   string   // of the deployment, absolute
	Writes   []string // other absolute paths where the agent writes, such as a folder that it follows
	Command  []string // the tool, and its arguments
	Commands bool     // it runs commands of the user at a switch, which may need rights that it has not
}

// Files returns the unit. The service starts with the device, and again ten seconds after any end.
// It may write into its folder and nowhere else. Unless the agent runs commands of the user, it can
// get no other rights.
//
// Errors: a name, a user or a path that systemd could take for something else.
func (u AgentUnit) Files() ([]UnitFile, error) {
	if err := CheckUnitName(u.Name); err != nil {
		return nil, err
	}
	if !userName.MatchString(u.User) {
		return nil, fmt.Errorf("deploy: %q is no name of a user", u.User)
	}
	if !path.IsAbs(u.Folder) || strings.ContainsFunc(u.Folder, misread) {
		return nil, fmt.Errorf("deploy: the path %q has signs that systemd reads in its own way; choose a folder of letters and digits", u.Folder)
	}
	var command []string
	writes := []string{u.Folder}
	for _, word := range u.Command {
		quoted, err := unitQuote(strings.ReplaceAll(word, "$", "$$"))
		if err != nil {
			return nil, err
		}
		command = append(command, quoted)
	}
	for _, name := range u.Writes {
		quoted, err := unitQuote("-" + name) // it may not be mounted yet
		if err != nil || !path.IsAbs(name) {
			return nil, fmt.Errorf("deploy: the path %q is not absolute, or has signs that a unit cannot hold", name)
		}
		writes = append(writes, quoted)
	}
	text := strings.NewReplacer("USER", u.User, "FOLDER", u.Folder, "WRITES", strings.Join(writes, " "), "COMMAND", strings.Join(command, " ")).Replace(agentText)
	if !u.Commands {
		text = strings.Replace(text, "Restart=always\n", "Restart=always\n"+rightsText, 1)
	}
	return []UnitFile{{"/etc/systemd/system/" + u.Name + ".service", text}}, nil
}

// unitQuote is a word as it is written in a unit. A sign $ means a variable in commands alone.
func unitQuote(word string) (string, error) {
	if strings.ContainsFunc(word, unicode.IsControl) {
		return "", errors.New("deploy: a unit cannot hold control characters; give arguments without them")
	}
	word = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "%", "%%").Replace(word)
	if word == "" || strings.ContainsAny(word, ` '"\;`) {
		return `"` + word + `"`, nil
	}
	return word, nil
}

const agentText = `[Unit]
Description=edgec agent for FOLDER
Wants=network-online.target
After=network-online.target

[Service]
Type=exec
User=USER
WorkingDirectory=FOLDER
ExecStart=COMMAND
Restart=always
RestartSec=10
TimeoutStopSec=30
ProtectSystem=strict
ProtectHome=read-only
ReadWritePaths=WRITES
ProtectControlGroups=yes

[Install]
WantedBy=multi-user.target
`

// rightsText keeps sudo from working, so that it is only for agents that run no command. Each of
// its lines implies the first.
const rightsText = `NoNewPrivileges=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
RestrictNamespaces=yes
RestrictRealtime=yes
LockPersonality=yes
CapabilityBoundingSet=
RestrictSUIDSGID=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
`

// Script is InstallScript for an agent: it makes the folder first, since the service may only
// write where one is.
func (u AgentUnit) Script(files []UnitFile) string {
	quote := func(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
	return "install -d -o " + quote(u.User) + " " + quote(u.Folder) + " || exit 1\n" + installScript(files, false, "give --unit another name, or remove that one")
}
