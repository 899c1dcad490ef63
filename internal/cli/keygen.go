package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	goruntime "runtime"
	"strings"

	"github.com/spf13/cobra"

	"edgec/internal/sign"
)

// passwordVariable is the environment variable with the password of a secret key.
const passwordVariable = "EDGEC_KEY_PASSWORD"

// The files of keys, unless others are named.
const (
	defaultSecret = "edgec.key"
	defaultPublic = "edgec.pub"
)

// keyResult is the JSON result of edgec keygen.
type keyResult struct {
	Secret    string `json:"secret_key"` // file
	Output    string `json:"output"`     // file with the public key
	Public    string `json:"public_key"` // as one line
	ID        string `json:"key_id"`
	Encrypted bool   `json:"encrypted"`
}

func keygenCommand(a *app) *cobra.Command {
	secret, public, open := "", "", false
	cmd := &cobra.Command{
		Use:   "keygen",
		Short: "Make a key pair for signing models and programs",
		Long: `Makes a pair of keys in minisign's format. The secret key signs (edgec sign); keep it off
your devices. The public key verifies: copy it to every device, or give its one line to
--pub. A key that exists is never overwritten: without the secret key, you can no longer
update the devices that trust it.

A password encrypts the secret key. keygen asks for it twice. In scripts, put it into the
environment variable ` + passwordVariable + `. To encrypt takes 1 GiB of memory and some seconds.`,
		Example: `  edgec keygen
  edgec keygen --key fleet.key`,
		Args: needs(0, 0, "no argument; --key names the file"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if public == "" {
				public = strings.TrimSuffix(secret, ".key") + ".pub"
			}
			if sameName(secret, public) {
				return usagef(cmd, "--pub %s: is the name of the secret key too; give another one", shown(public))
			}
			return a.keygen(cmd.Context(), secret, public, open)
		},
	}
	f := cmd.Flags()
	f.StringVar(&secret, "key", defaultSecret, "file to write the secret key to")
	f.StringVar(&public, "pub", "", "file to write the public key to (default: like the secret key, ending in .pub)")
	f.BoolVar(&open, "no-password", false, "do not encrypt the secret key")
	return cmd
}

func (a *app) keygen(ctx context.Context, secret, public string, open bool) error {
	for _, path := range []string{secret, public} { // before a password is asked for
		if _, err := os.Lstat(path); err == nil {
			return about(path, fmt.Errorf("%s: is there already, and a key is never overwritten; give another name, or move it away", path))
		}
		if err := checkOutput(path); err != nil {
			return err
		}
	}
	password := ""
	if !open {
		var err error
		if password, err = a.newPassword(ctx); err != nil {
			return err
		}
		a.warnMemory()
	}
	key, err := sign.NewKey()
	if err != nil {
		return err
	}
	if err := key.WriteKeys(secret, public, password); err != nil {
		return err
	}
	r := keyResult{Secret: secret, Output: public, Public: key.Public().String(), ID: key.Public().ID(), Encrypted: !open}
	if a.json {
		return a.printJSON(r)
	}
	return a.table([]string{"secret key\t" + secret, "public key\t" + public, "key\t" + r.ID, "--pub\t" + r.Public})
}

// newPassword returns the password of a new key.
func (a *app) newPassword(ctx context.Context) (string, error) {
	if password, ok := os.LookupEnv(passwordVariable); ok {
		if password == "" {
			return "", fmt.Errorf("%s is empty; put a password there, or give --no-password for a key without", passwordVariable)
		}
		return password, nil
	}
	if a.asker() == nil {
		return "", fmt.Errorf("there is no terminal to ask for a password; put it into the environment variable %s, or give --no-password for a key without", passwordVariable)
	}
	password, err := a.askPassword(ctx, "Password of the new key: ")
	if err != nil {
		return "", err
	}
	if password == "" {
		return "", errors.New("the password is empty; give one, or --no-password for a key without")
	}
	again, err := a.askPassword(ctx, "Once more: ")
	if err == nil && again != password {
		err = errors.New("the two passwords differ; give the command again")
	}
	return password, err
}

// askPassword asks on the terminal. Ctrl-C ends the question, and the terminal shows again what is
// typed.
func (a *app) askPassword(ctx context.Context, question string) (string, error) {
	ctx, stop := a.interruptible(ctx, "interrupted")
	defer stop()
	password, err := a.asker()(ctx, question, true)
	if ctx.Err() != nil {
		err = errors.New("no password was given; nothing was written")
	}
	return password, err
}

// secretKey reads the secret key in a file, and asks for its password if it has one.
func (a *app) secretKey(ctx context.Context, path string) (sign.SecretKey, error) {
	if err := present(path, "the secret key that edgec keygen wrote"); err != nil {
		return sign.SecretKey{}, err
	}
	key, err := sign.ReadSecretKey(path, func() (string, error) {
		a.warnMemory()
		if password, ok := os.LookupEnv(passwordVariable); ok {
			return password, nil
		}
		if a.asker() == nil {
			return "", fmt.Errorf("is encrypted, and there is no terminal to ask for its password; put it into the environment variable %s", passwordVariable)
		}
		return a.askPassword(ctx, "Password of "+path+": ")
	})
	if err != nil {
		return key, about(path, err)
	}
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o077 != 0 && goruntime.GOOS != "windows" {
		a.warn(fmt.Sprintf("%s: other users may read this secret key (mode %#o); chmod 600 %s", path, info.Mode().Perm(), path))
	}
	return key, nil
}
