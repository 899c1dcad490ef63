package remote

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// keyring is what the user can prove himself by to one host.
type keyring struct {
	settings
	ask    func(question string) (secret string, err error) // nil: nobody is there
	agent  net.Conn                                         // nil: no agent
	tried  []string                                         // keys that were offered, for the error
	locked []string                                         // encrypted key files that nobody could be asked about
	wrong  []error                                          // why key files cannot be used
}

// attempts bounds how often a password or a passphrase is asked for.
const attempts = 3

// methods lists the ways to authenticate, in OpenSSH's order.
func (k *keyring) methods() []ssh.AuthMethod {
	list := []ssh.AuthMethod{ssh.PublicKeysCallback(k.signers)}
	if k.ask == nil {
		return list
	}
	password := func() (string, error) { return k.ask("Password of " + k.name + ": ") }
	challenge := func(_, instruction string, questions []string, _ []bool) (answers []string, err error) {
		for _, q := range questions {
			answer, err := k.ask(strings.TrimSpace(k.name+": "+instruction+" "+q) + " ")
			if err != nil {
				return nil, err
			}
			answers = append(answers, answer)
		}
		return answers, nil
	}
	return append(list, ssh.RetryableAuthMethod(ssh.KeyboardInteractive(challenge), attempts), ssh.RetryableAuthMethod(ssh.PasswordCallback(password), attempts))
}

// close ends the connection to the agent.
func (k *keyring) close() {
	if k.agent != nil {
		k.agent.Close()
	}
}

// signers returns the keys in the order in which they are offered: those of the agent that
// are identities of the host, its others, then files. A server may refuse after six.
func (k *keyring) signers() (list []ssh.Signer, err error) {
	files := k.files()
	var others []ssh.Signer
	for _, s := range k.fromAgent() {
		if i := find(files, s); i >= 0 {
			files = slices.Delete(files, i, i+1)
			list = append(list, s)
		} else if !k.onlyFiles {
			others = append(others, s)
		}
	}
	list = append(append(list, others...), files...)
	for _, s := range list {
		k.tried = append(k.tried, fingerprint(s.PublicKey()))
	}
	return list, nil
}

// find returns where a list has the key of s, -1 if it has not.
func find(list []ssh.Signer, s ssh.Signer) int {
	blob := s.PublicKey().Marshal()
	return slices.IndexFunc(list, func(other ssh.Signer) bool { return bytes.Equal(other.PublicKey().Marshal(), blob) })
}

// fromAgent returns the keys of the agent, none if there is none.
func (k *keyring) fromAgent() []ssh.Signer {
	if k.settings.agent == "" {
		return nil
	}
	conn, err := net.Dial("unix", k.settings.agent)
	if err != nil {
		return nil // a stale SSH_AUTH_SOCK is common; ssh ignores it too
	}
	k.agent = conn
	list, err := agent.NewClient(conn).Signers()
	if err != nil {
		return nil
	}
	return list
}

// files returns the keys of the identity files that are there. One that cannot be read does not keep
// the others from working, as with ssh.
func (k *keyring) files() (list []ssh.Signer) {
	for _, path := range k.identities {
		s, err := k.file(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			k.wrong = append(k.wrong, err)
		case find(list, s) < 0:
			list = append(list, s)
		}
	}
	return list
}

// file returns the key of a file. Of an encrypted one the public part is enough until a
// host accepts it.
func (k *keyring) file(path string) (ssh.Signer, error) {
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	s, err := ssh.ParsePrivateKey(pem)
	var encrypted *ssh.PassphraseMissingError
	switch {
	case err == nil:
		return s, nil
	case !errors.As(err, &encrypted):
		return nil, fmt.Errorf("%s: is no private key: %s; correct IdentityFile in ~/.ssh/config, or move the file away", path, strings.TrimPrefix(err.Error(), "ssh: "))
	}
	public := encrypted.PublicKey
	if public == nil { // old formats do not have it
		text, err := os.ReadFile(path + ".pub")
		if err != nil {
			return nil, fmt.Errorf("%s: is encrypted, and its public key is not beside it: %w", path, err)
		}
		if public, _, _, _, err = ssh.ParseAuthorizedKey(text); err != nil {
			return nil, fmt.Errorf("%s.pub: is no public key: %w", path, err)
		}
	}
	return &lockedKey{path, pem, public, k}, nil
}

// lockedKey is an encrypted key, which is decrypted when a host has accepted it.
type lockedKey struct {
	path   string
	pem    []byte
	public ssh.PublicKey
	ring   *keyring
}

// PublicKey returns the public part.
func (l *lockedKey) PublicKey() ssh.PublicKey { return l.public }

// Sign asks for the passphrase and signs.
func (l *lockedKey) Sign(random io.Reader, data []byte) (*ssh.Signature, error) {
	return l.SignWithAlgorithm(random, data, "")
}

// SignWithAlgorithm asks for the passphrase and signs by an algorithm of the key, "": its
// default.
func (l *lockedKey) SignWithAlgorithm(random io.Reader, data []byte, algorithm string) (*ssh.Signature, error) {
	s, err := l.unlock()
	if err != nil {
		return nil, err
	}
	if by, ok := s.(ssh.AlgorithmSigner); ok {
		return by.SignWithAlgorithm(random, data, algorithm)
	}
	return s.Sign(random, data)
}

// unlock decrypts the key.
func (l *lockedKey) unlock() (ssh.Signer, error) {
	if l.ring.ask == nil {
		l.ring.locked = append(l.ring.locked, l.path)
		return nil, fmt.Errorf("%s: is encrypted, and there is no terminal to ask for its passphrase; give the key to an agent: ssh-add %s", l.path, Quote(l.path))
	}
	question := "Passphrase of " + l.path + ": "
	for range attempts {
		secret, err := l.ring.ask(question)
		if err != nil {
			return nil, err
		}
		s, err := ssh.ParsePrivateKeyWithPassphrase(l.pem, []byte(secret))
		if !errors.Is(err, x509.IncorrectPasswordError) {
			return s, err
		}
		question = "That is wrong. Passphrase of " + l.path + ": "
	}
	return nil, fmt.Errorf("%s: three wrong passphrases", l.path)
}
