package remote

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/kevinburke/ssh_config"
)

// systemConfig is the configuration of all users.
const systemConfig = "/etc/ssh/ssh_config"

// target is what a user writes: [user@]host[:port].
type target struct{ user, host, port string }

// parseTarget takes [user@]host[:port] apart. An IPv6 address with a port has brackets.
func parseTarget(s string) (t target, err error) {
	wrong := fmt.Errorf("%q is no host; write user@host or user@host:port, such as pi@raspberrypi.local", s)
	rest := s
	if at := strings.LastIndexByte(s, '@'); at >= 0 {
		t.user, rest = s[:at], s[at+1:]
		if t.user == "" {
			return target{}, wrong
		}
	}
	switch {
	case strings.HasPrefix(rest, "[") && strings.HasSuffix(rest, "]"):
		t.host = rest[1 : len(rest)-1]
	case strings.HasPrefix(rest, "[") || strings.Count(rest, ":") == 1:
		if t.host, t.port, err = net.SplitHostPort(rest); err != nil {
			return target{}, wrong
		}
		if n, err := strconv.ParseUint(t.port, 10, 16); err != nil || n == 0 {
			return target{}, fmt.Errorf("%q: the port %q is no number from 1 to 65535", s, t.port)
		}
	default:
		t.host = rest
	}
	if t.host == "" || strings.HasPrefix(t.host, "-") || strings.ContainsAny(t.host, " \t\n/[]") {
		return target{}, wrong
	}
	return t, nil
}

// settings are what the configuration files say of one host.
type settings struct {
	name       string // user@host[:port], for messages
	user       string
	address    string // host:port to connect to
	known      string // host:port as known_hosts has it
	identities []string
	jumps      []string // [user@]host[:port], the first one first
	agent      string   // socket; "": none
	onlyFiles  bool     // IdentitiesOnly: of the agent's keys only those of identities
	strict     string   // StrictHostKeyChecking
	hash       bool     // HashKnownHosts
	knownHosts []string // files; a new key goes to the first
}

// config is the user's configuration, then the system's; nil where there is none.
type config []*ssh_config.Config

// readConfig reads the configuration files of folder, the user's .ssh, and of the system.
func readConfig(folder string) (c config, err error) {
	for _, path := range []string{filepath.Join(folder, "config"), systemConfig} {
		data, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%w; make it readable, or move it away", err)
		}
		one, err := ssh_config.DecodeBytes(data)
		if err != nil {
			return nil, fmt.Errorf("%s: %s; edgec reads Host, Include, and Match with all or host", path, strings.TrimPrefix(err.Error(), "ssh_config: "))
		}
		c = append(c, one)
	}
	return c, nil
}

// get returns the first value of a key for a host as written, otherwise.
func (c config) get(host, key, otherwise string) string {
	for _, one := range c {
		if v, err := one.Get(host, key); err == nil && v != "" {
			return v
		}
	}
	return otherwise
}

// all returns every value of a key for a host.
func (c config) all(host, key string) (values []string) {
	for _, one := range c {
		v, _ := one.GetAll(host, key) // only an unknown kind of node is an error
		values = append(values, v...)
	}
	return values
}

// defaultIdentities are the key files that OpenSSH tries, in the user's .ssh folder.
var defaultIdentities = []string{"id_ed25519", "id_ecdsa", "id_rsa"}

// settingsOf returns what applies to t.
func (c config) settingsOf(t target, opt Options) (s settings, err error) {
	host := c.get(t.host, "HostName", t.host)
	host = strings.ReplaceAll(host, "%h", t.host)
	if s.user = t.user; s.user == "" {
		if s.user, err = currentUser(c.get(t.host, "User", "")); err != nil {
			return s, err
		}
	}
	port := t.port
	if port == "" {
		port = c.get(t.host, "Port", "22")
	}
	s.address = net.JoinHostPort(host, port)
	s.known = net.JoinHostPort(c.get(t.host, "HostKeyAlias", host), port)
	s.name = s.user + "@" + t.host
	if port != "22" {
		s.name = s.user + "@" + net.JoinHostPort(t.host, port)
	}
	expand := func(path string) string { return expandPath(path, opt.folder, host, s.user) }
	for _, path := range c.all(t.host, "IdentityFile") {
		s.identities = append(s.identities, expand(path))
	}
	if s.identities == nil {
		for _, name := range defaultIdentities {
			s.identities = append(s.identities, filepath.Join(opt.folder, name))
		}
	}
	if jump := c.get(t.host, "ProxyJump", "none"); jump != "none" {
		s.jumps = strings.Split(jump, ",")
	}
	if command := c.get(t.host, "ProxyCommand", "none"); command != "none" && s.jumps == nil {
		return s, fmt.Errorf("%s: its ProxyCommand in the configuration of SSH is not supported; write it as ProxyJump", s.name)
	}
	s.agent = opt.agentSocket(expand(c.get(t.host, "IdentityAgent", "SSH_AUTH_SOCK")))
	s.onlyFiles = c.get(t.host, "IdentitiesOnly", "no") == "yes"
	s.hash = c.get(t.host, "HashKnownHosts", "no") == "yes"
	s.strict = c.get(t.host, "StrictHostKeyChecking", "ask")
	for _, path := range strings.Fields(c.get(t.host, "UserKnownHostsFile", filepath.Join("~", ".ssh", "known_hosts"))) {
		s.knownHosts = append(s.knownHosts, expand(path))
	}
	for _, path := range strings.Fields(c.get(t.host, "GlobalKnownHostsFile", "/etc/ssh/ssh_known_hosts")) {
		s.knownHosts = append(s.knownHosts, expand(path))
	}
	return s, nil
}

// currentUser returns name or, if it is empty, that of the user of this process.
func currentUser(name string) (string, error) {
	if name != "" {
		return name, nil
	}
	u, err := user.Current()
	if err != nil {
		return "", fmt.Errorf("the name of the user is not known (%w); write user@host", err)
	}
	return u.Username[strings.LastIndexByte(u.Username, '\\')+1:], nil // Windows: DOMAIN\user
}

// expandPath puts values for ~ and for the signs %d, %h, %r and %% of ssh_config. folder
// stands for ~/.ssh, so that another one can take its place.
func expandPath(path, folder, host, user string) string {
	path = strings.Trim(path, `"`)
	home := filepath.Dir(folder)
	path = strings.NewReplacer("%d", home, "%h", host, "%r", user, "%%", "%").Replace(path)
	if rest, ok := strings.CutPrefix(filepath.ToSlash(path), "~/.ssh/"); ok {
		return filepath.Join(folder, filepath.FromSlash(rest))
	}
	if rest, ok := strings.CutPrefix(filepath.ToSlash(path), "~/"); ok {
		return filepath.Join(home, filepath.FromSlash(rest))
	}
	return path
}
