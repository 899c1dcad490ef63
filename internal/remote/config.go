package remote

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/kevinburke/ssh_config"
)

// systemConfig is the configuration of all users.
const systemConfig = "/etc/ssh/ssh_config"

// target is what a user writes: [user@]host[:port].
type target struct{ user, host, port string }

// CheckHost returns an error if s is no [user@]host[:port].
func CheckHost(s string) error {
	_, err := parseTarget(s)
	return err
}

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
	strict     string   // StrictHostKeyChecking; ssh -G writes true and false for yes and no
	hash       bool     // HashKnownHosts
	knownHosts []string // files; a new key goes to the first
}

// config is the configuration of OpenSSH: the user's file, then the system's, each if it is
// there.
type config struct {
	files []*ssh_config.Config
	wrong error  // why a file cannot be read here; the command ssh reads it instead
	path  string // of the user's file, for that command; "": its default
}

// readConfig reads the configuration files of a user's folder .ssh and of the system.
func readConfig(opt Options) (c config, err error) {
	if opt.Folder != "" {
		c.path = filepath.Join(opt.folder, "config")
	}
	for _, path := range []string{filepath.Join(opt.folder, "config"), systemConfig} {
		data, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return c, fmt.Errorf("%w; make it readable, or move it away", err)
		}
		one, err := ssh_config.DecodeBytes(data)
		if err != nil {
			c.wrong = fmt.Errorf("%s: %s", path, strings.TrimPrefix(err.Error(), "ssh_config: "))
			continue
		}
		c.files = append(c.files, one)
	}
	return c, nil
}

// used are the keys that are asked for.
var used = []string{"hostname", "user", "port", "identityfile", "proxyjump", "proxycommand", "identityagent", "identitiesonly", "hashknownhosts",
	"stricthostkeychecking", "userknownhostsfile", "globalknownhostsfile", "hostkeyalias"}

// of returns what the configuration says of a host. Where a file has conditions that are not
// read here, such as Match exec, "ssh -G" tells what comes of it.
func (c config) of(ctx context.Context, host string) (hostConfig, error) {
	if c.wrong == nil {
		return hostConfig{host, c.files}, nil
	}
	args := []string{"-G", host}
	if c.path != "" {
		args = append([]string{"-F", c.path}, args...)
	}
	text, err := exec.CommandContext(ctx, "ssh", args...).Output()
	if err != nil {
		return hostConfig{}, fmt.Errorf("%w; edgec reads Host, Include, and Match with all or host, and for others asks ssh -G, which fails: %w", c.wrong, err)
	}
	var lines []string
	for line := range strings.Lines(string(text)) {
		if key, _, _ := strings.Cut(line, " "); slices.Contains(used, key) {
			lines = append(lines, line)
		}
	}
	one, err := ssh_config.DecodeBytes([]byte(strings.Join(lines, "")))
	if err != nil {
		return hostConfig{}, fmt.Errorf("%w; and what ssh -G %s prints cannot be read: %w", c.wrong, host, err)
	}
	return hostConfig{host, []*ssh_config.Config{one}}, nil
}

// hostConfig is the configuration of one host, as it was written.
type hostConfig struct {
	host  string
	files []*ssh_config.Config
}

// get returns the first value of a key, or otherwise.
func (h hostConfig) get(key, otherwise string) string {
	for _, one := range h.files {
		if v, err := one.Get(h.host, key); err == nil && v != "" {
			return v
		}
	}
	return otherwise
}

// all returns every value of a key.
func (h hostConfig) all(key string) (values []string) {
	for _, one := range h.files {
		v, _ := one.GetAll(h.host, key) // only an unknown kind of node is an error
		values = append(values, v...)
	}
	return values
}

// yes reports whether a key is turned on; ssh -G writes true.
func (h hostConfig) yes(key string) bool {
	v := h.get(key, "no")
	return v == "yes" || v == "true"
}

// defaultIdentities are the key files that OpenSSH tries, in the user's .ssh folder.
var defaultIdentities = []string{"id_ed25519", "id_ecdsa", "id_rsa"}

// settingsOf returns what applies to t.
func (c config) settingsOf(ctx context.Context, t target, opt Options) (s settings, err error) {
	h, err := c.of(ctx, t.host)
	if err != nil {
		return s, err
	}
	host := strings.ReplaceAll(h.get("HostName", t.host), "%h", t.host)
	if s.user = t.user; s.user == "" {
		if s.user, err = currentUser(h.get("User", "")); err != nil {
			return s, err
		}
	}
	port := t.port
	if port == "" {
		port = h.get("Port", "22")
	}
	s.address = net.JoinHostPort(host, port)
	s.known = net.JoinHostPort(h.get("HostKeyAlias", host), port)
	s.name = s.user + "@" + t.host
	if port != "22" {
		s.name = s.user + "@" + net.JoinHostPort(t.host, port)
	}
	if jump := h.get("ProxyJump", "none"); jump != "none" {
		s.jumps = strings.Split(jump, ",")
	} else if h.get("ProxyCommand", "none") != "none" {
		return s, fmt.Errorf("%s: its ProxyCommand in the configuration of SSH is not supported; write it as ProxyJump", s.name)
	}
	expand := func(path string) string { return expandPath(path, opt.folder, host, s.user) }
	s.files(h, opt, expand)
	s.agent = opt.agentSocket(expand(h.get("IdentityAgent", "SSH_AUTH_SOCK")))
	s.onlyFiles, s.hash = h.yes("IdentitiesOnly"), h.yes("HashKnownHosts")
	s.strict = h.get("StrictHostKeyChecking", "ask")
	return s, nil
}

// files sets the files of keys.
func (s *settings) files(h hostConfig, opt Options, expand func(string) string) {
	for _, path := range h.all("IdentityFile") {
		s.identities = append(s.identities, expand(path))
	}
	if s.identities == nil {
		for _, name := range defaultIdentities {
			s.identities = append(s.identities, filepath.Join(opt.folder, name))
		}
	}
	for _, path := range strings.Fields(h.get("UserKnownHostsFile", "~/.ssh/known_hosts")) {
		s.knownHosts = append(s.knownHosts, expand(path))
	}
	for _, path := range strings.Fields(h.get("GlobalKnownHostsFile", "/etc/ssh/ssh_known_hosts")) {
		s.knownHosts = append(s.knownHosts, expand(path))
	}
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
