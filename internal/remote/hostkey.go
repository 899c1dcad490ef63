package remote

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// hostKeys checks the key of one host.
type hostKeys struct {
	settings
	opt   Options
	check ssh.HostKeyCallback   // of the known_hosts files
	want  []knownhosts.KnownKey // what they have for this host
	ask   func(question string) (answer string, err error)
}

// HostKeyError says that a host is not known, or not the one that is known. Nothing was
// sent to it.
type HostKeyError struct {
	Host    string // as in messages, user@host
	Changed bool   // another key is known for the host; otherwise none is
	text    string
}

// Error returns a line with the remedy.
func (e *HostKeyError) Error() string { return e.text }

// newHostKeys reads the known_hosts files.
func newHostKeys(s settings, opt Options, ask func(string) (string, error)) (*hostKeys, error) {
	h := &hostKeys{settings: s, opt: opt, ask: ask}
	var files []string
	for _, path := range s.knownHosts {
		if _, err := os.Stat(path); err == nil {
			files = append(files, path)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s: %w; make it readable", s.name, err)
		}
	}
	var err error
	if h.check, err = knownhosts.New(files...); err != nil {
		return nil, fmt.Errorf("%s: %s; correct that line", s.name, strings.TrimPrefix(err.Error(), "knownhosts: "))
	}
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	unknown, err := ssh.NewPublicKey(private.Public())
	if err != nil {
		return nil, err
	}
	var key *knownhosts.KeyError
	if errors.As(h.check(s.known, &net.TCPAddr{}, unknown), &key) { // no file has it, so that Want is all of them
		h.want = key.Want
	}
	return h, nil
}

// anyHostKey are the algorithms that are offered to a host of which no key is known.
var anyHostKey = []string{ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}

// certificates are those for keys that a certification authority has signed.
var certificates = []string{ssh.CertAlgoED25519v01, ssh.CertAlgoECDSA256v01, ssh.CertAlgoECDSA384v01, ssh.CertAlgoECDSA521v01, ssh.CertAlgoRSASHA512v01, ssh.CertAlgoRSASHA256v01}

// algorithms lists what the host may prove itself by: the kinds of keys that are known,
// since a host with several would otherwise show one that is not.
func (h *hostKeys) algorithms() (names []string) {
	for _, k := range h.want {
		switch kind := k.Key.Type(); {
		case h.isAuthority(k):
			names = append(names, certificates...)
		case kind == ssh.KeyAlgoRSA:
			names = append(names, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256)
		default:
			names = append(names, kind)
		}
	}
	if names == nil {
		return anyHostKey
	}
	slices.SortStableFunc(names, func(a, b string) int { return slices.Index(anyHostKey, a) - slices.Index(anyHostKey, b) })
	return slices.Compact(names)
}

// isAuthority reports whether the line of a known key has the mark @cert-authority.
func (h *hostKeys) isAuthority(k knownhosts.KnownKey) bool {
	data, err := os.ReadFile(k.Filename)
	if err != nil {
		return false
	}
	lines := strings.Split(string(data), "\n")
	return k.Line > 0 && k.Line <= len(lines) && strings.HasPrefix(strings.TrimSpace(lines[k.Line-1]), "@cert-authority")
}

// callback returns what the handshake calls with the host's key. It asks about the key of
// an unknown host, and never accepts a changed one.
func (h *hostKeys) callback(ctx context.Context) ssh.HostKeyCallback {
	return func(_ string, at net.Addr, key ssh.PublicKey) error {
		err := h.check(h.known, at, key)
		var wrong *knownhosts.KeyError
		var revoked *knownhosts.RevokedError
		switch {
		case err == nil:
			return nil
		case errors.As(err, &revoked):
			return &HostKeyError{h.name, true, fmt.Sprintf("%s: its host key is marked @revoked in %s, line %d: do not connect", h.name, revoked.Revoked.Filename, revoked.Revoked.Line)}
		case !errors.As(err, &wrong):
			return fmt.Errorf("%s: host key: %w", h.name, err)
		case len(wrong.Want) > 0:
			old := wrong.Want[0]
			return &HostKeyError{h.name, true, fmt.Sprintf("%s: the host key has changed: it is %s now, and %s, line %d, has %s; somebody may be listening. If the system was installed anew, remove the old key with ssh-keygen -R %s",
				h.name, fingerprint(key), old.Filename, old.Line, fingerprint(old.Key), Quote(knownhosts.Normalize(h.known)))}
		}
		return h.first(ctx, key)
	}
}

// first decides about the key of an unknown host.
func (h *hostKeys) first(ctx context.Context, key ssh.PublicKey) error {
	accept := h.opt.AcceptNew || slices.Contains([]string{"accept-new", "no", "off", "false"}, h.strict)
	refused := &HostKeyError{h.name, false, fmt.Sprintf("%s: the host is not known, its key is %s; compare that with the key on the device (ssh-keygen -lf /etc/ssh/ssh_host_%s_key.pub) and connect once with ssh, or give --accept-new",
		h.name, fingerprint(key), shortKind(key))}
	if !accept && (h.ask == nil || h.strict == "yes" || h.strict == "true") {
		return refused
	}
	if !accept {
		answer, err := h.ask(fmt.Sprintf("%s is not known. Its key is %s.\nCompare it on the device: ssh-keygen -lf /etc/ssh/ssh_host_%s_key.pub\nTrust this host from now on? (yes/no) ", h.name, fingerprint(key), shortKind(key)))
		if err != nil {
			return err
		}
		if answer = strings.ToLower(strings.TrimSpace(answer)); answer != "yes" && answer != "y" && answer != ssh.FingerprintSHA256(key) {
			return refused
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	path := h.knownHosts[0]
	if err := remember(path, h.known, key, h.hash); err != nil {
		return fmt.Errorf("%s: its key cannot be stored: %w", h.name, err)
	}
	h.opt.note("%s was not known: its key %s is stored in %s", h.name, fingerprint(key), path)
	return nil
}

// fingerprint is a key as people compare it, "ED25519 SHA256:...".
func fingerprint(key ssh.PublicKey) string {
	return strings.ToUpper(shortKind(key)) + " " + ssh.FingerprintSHA256(key)
}

// shortKind is the kind of a key as files of OpenSSH are called by it.
func shortKind(key ssh.PublicKey) string {
	kind, _, _ := strings.Cut(strings.TrimPrefix(key.Type(), "ssh-"), "-")
	return kind
}

// remember appends a line to a known_hosts file, which is made if need be, and waits
// until it is on the disk.
func remember(path, address string, key ssh.PublicKey, hash bool) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	name := knownhosts.Normalize(address)
	if hash {
		name = knownhosts.HashHostname(name)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	line, last := knownhosts.Line([]string{name}, key)+"\n", make([]byte, 1)
	if info, err := f.Stat(); err == nil && info.Size() > 0 {
		if _, err := f.ReadAt(last, info.Size()-1); err == nil && last[0] != '\n' {
			line = "\n" + line // the last line of the file has no end
		}
	}
	_, err = f.WriteString(line)
	return errors.Join(err, f.Sync(), f.Close())
}
