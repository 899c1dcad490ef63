package sign

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"

	"aead.dev/minisign"
)

// A PublicKey verifies signatures. The zero value verifies none.
type PublicKey struct{ key minisign.PublicKey }

// A SecretKey signs.
type SecretKey struct{ key minisign.PrivateKey }

// NewKey makes a key from the system's random numbers.
func NewKey() (SecretKey, error) {
	_, key, err := minisign.GenerateKey(nil)
	return SecretKey{key}, err
}

// keyID is the number of a key as minisign prints it.
func keyID(id uint64) string { return fmt.Sprintf("%016X", id) }

// ID returns the number of the key, 16 hexadecimal digits. It tells keys apart, and proves nothing.
func (k PublicKey) ID() string { return keyID(k.key.ID()) }

// String returns the key as one line of 56 characters, which ParsePublicKey reads.
func (k PublicKey) String() string { return k.key.String() }

// Equal reports whether two keys are the same.
func (k PublicKey) Equal(o PublicKey) bool { return k.key.Equal(o.key) }

// Text returns the content of a file with the key, as minisign writes it.
func (k PublicKey) Text() []byte {
	return []byte("untrusted comment: minisign public key " + k.ID() + "\n" + k.String() + "\n")
}

// Public returns the public half of the key.
func (k SecretKey) Public() PublicKey { return PublicKey{k.key.Public().(minisign.PublicKey)} }

// ErrPublicKey means that a text is no public key.
var ErrPublicKey = errors.New("is not a public key in minisign's format; give the line of 56 characters that edgec keygen printed, or its .pub file")

// ParsePublicKey reads a key: its line, or the content of a file of minisign.
func ParsePublicKey(text string) (PublicKey, error) {
	var key minisign.PublicKey
	text = strings.TrimSpace(text)
	if strings.Contains(text, "secret key") {
		return PublicKey{}, fmt.Errorf("%w; this is a secret key, which should not leave your machine", ErrPublicKey)
	}
	if len(text) > MaxSignature || key.UnmarshalText([]byte(text)) != nil {
		return PublicKey{}, ErrPublicKey
	}
	return PublicKey{key}, nil
}

// ReadPublicKey reads the public key in the file with that name or, if there is no such file,
// in the name itself. The error names it.
func ReadPublicKey(name string) (PublicKey, error) {
	f, err := os.Open(name)
	if err != nil {
		key, e := ParsePublicKey(name)
		if e != nil {
			return key, fmt.Errorf("%w; give the .pub file that edgec keygen wrote, or the line of %d characters in it", named(name, err), publicLine)
		}
		return key, nil
	}
	defer f.Close()
	data, err := readSmall(f, ErrPublicKey)
	if err != nil {
		return PublicKey{}, named(name, err)
	}
	key, err := ParsePublicKey(string(data))
	return key, named(name, err)
}

// publicLine is the length of a public key as one line.
const publicLine = 56

// Causes why a secret key cannot be used, for errors.Is.
var (
	ErrSecretKey = errors.New("is not a secret key in minisign's format; give the file that edgec keygen or minisign -G wrote")
	ErrPassword  = errors.New("cannot be decrypted: the password is wrong, or the file is damaged")
)

// Encode returns the content of a file with the key. A password encrypts it, in minisign's way:
// that takes 1 GiB of memory and some seconds. "" leaves it readable for everybody who has the file.
func (k SecretKey) Encode(password string) ([]byte, error) {
	if password == "" {
		data, err := k.key.MarshalText()
		return append(data, '\n'), err
	}
	data, err := minisign.EncryptKey(password, k.key)
	return append(data, '\n'), err
}

// ParseSecretKey reads the content of a key file. It calls password only if the key is encrypted.
// To decrypt takes the memory and time that the file states, at most 1 GiB and some seconds.
func ParseSecretKey(text []byte, password func() (string, error)) (SecretKey, error) {
	var k SecretKey
	text = bytes.TrimSpace(text)
	if len(text) > MaxSignature {
		return SecretKey{}, ErrSecretKey
	}
	if !minisign.IsEncrypted(text) {
		if k.key.UnmarshalText(text) != nil || !k.whole() {
			return SecretKey{}, ErrSecretKey
		}
		return k, nil
	}
	secret, err := password()
	if err != nil {
		return SecretKey{}, err
	}
	if k.key, err = minisign.DecryptKey(secret, text); err != nil {
		return SecretKey{}, ErrPassword
	}
	if !k.whole() {
		return SecretKey{}, ErrSecretKey
	}
	return k, nil
}

// whole reports whether the halves of the key belong together. An unencrypted file has no
// checksum of its own.
func (k SecretKey) whole() bool {
	r := minisign.NewReader(strings.NewReader(""))
	return r.Verify(k.Public().key, r.Sign(k.key))
}

// ReadSecretKey is ParseSecretKey for a file. Its errors name it.
func ReadSecretKey(path string, password func() (string, error)) (SecretKey, error) {
	f, err := os.Open(path)
	if err != nil {
		return SecretKey{}, named(path, err)
	}
	defer f.Close()
	text, err := readSmall(f, ErrSecretKey)
	if err != nil {
		return SecretKey{}, named(path, err)
	}
	k, err := ParseSecretKey(text, password)
	return k, named(path, err)
}

// WriteKeys writes a new pair of files: the secret key for its owner alone (mode 0600), encrypted
// with the password unless it is "", and the public one. Neither may exist: who overwrites a
// secret key can no longer update the devices that trust it.
func (k SecretKey) WriteKeys(secret, public, password string) error {
	text, err := k.Encode(password)
	if err != nil {
		return err
	}
	if err := create(secret, text, 0o600); err != nil {
		return err
	}
	if err := create(public, k.Public().Text(), 0o644); err != nil {
		os.Remove(secret)
		return err
	}
	return nil
}

// create writes a file that is not there yet, whole or not at all.
func create(path string, data []byte, mode os.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%s: %w, and a key is never overwritten; give another name, or move it away", path, os.ErrExist)
	}
	if err != nil {
		return named(path, err)
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		os.Remove(path)
	}
	return named(path, err)
}
