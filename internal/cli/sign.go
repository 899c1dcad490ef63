package cli

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"edgec/internal/delta"
	"edgec/internal/deploy"
	"edgec/internal/disk"
	"edgec/internal/sign"
	"edgec/targets"
)

// signFlags are the flags of edgec sign.
type signFlags struct {
	key, target, base string
	version           int
}

// signedFile is a file and what its signature states.
type signedFile struct {
	File      string `json:"file"`
	Signature string `json:"signature"` // file with it
	Name      string `json:"signed_name,omitempty"`
	Bytes     int64  `json:"bytes"`
	SHA256    string `json:"sha256"`
	Version   int    `json:"version_number,omitempty"`
	Target    string `json:"target,omitempty"`
	Base      string `json:"base_sha256,omitempty"`
	Time      string `json:"time,omitempty"`
}

// signResult is the JSON result of edgec sign and edgec verify.
type signResult struct {
	Key   string       `json:"key_id"`
	Files []signedFile `json:"signed"`
}

func signCommand(a *app) *cobra.Command {
	s := &signFlags{}
	cmd := &cobra.Command{
		Use:   "sign FILE...",
		Short: "Sign models, programs and deltas",
		Long: `Writes FILE.minisig beside each file: a signature in minisign's format, which minisign
verifies too. What is signed with the content: name, size, SHA-256, the time, --version,
and the target. For a program of edgec build, the target is the system that it was built
for, unless --target names a board.

Devices that follow updates accept growing versions only, so give each new file a higher
--version than the one before.

If the secret key has a password, sign asks for it, or takes it from the environment
variable ` + passwordVariable + `.`,
		Example: `  edgec sign lenet-5.edgec --version 7
  edgec sign classify --key fleet.key --version 7 --target rpi-zero-2w`,
		Args: needs(1, -1, "the files to sign"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := s.check(cmd, args); err != nil {
				return err
			}
			return a.sign(cmd.Context(), s, args)
		},
	}
	f := cmd.Flags()
	f.StringVar(&s.key, "key", defaultSecret, "file with the secret key")
	f.IntVar(&s.version, "version", 0, "version number, higher than that of the file before (default: none)")
	f.StringVar(&s.target, "target", "", "board that the file is for; edgec targets lists them (default: for a program, the system that it was built for)")
	f.StringVar(&s.base, "base", "", "for a delta: the file that it is applied to (default: that of edgec diff, of files other than .edgec)")
	must(cmd.RegisterFlagCompletionFunc("target", cobra.FixedCompletions(targets.Names(), cobra.ShellCompDirectiveNoFileComp)))
	return cmd
}

// check returns what is wrong with the command line. It gives --target its full name.
func (s *signFlags) check(cmd *cobra.Command, files []string) error {
	var errs []error
	if s.target != "" {
		b, err := targets.Find(s.target)
		if err != nil {
			errs = append(errs, fmt.Errorf("--target %s: %s", shown(s.target), strings.TrimPrefix(err.Error(), "targets: ")))
		}
		s.target = b.Name
	}
	if cmd.Flags().Changed("version") && (s.version < 1 || s.version > sign.MaxVersion) {
		errs = append(errs, fmt.Errorf("--version %d: give a whole number from 1 to %d", s.version, sign.MaxVersion))
	}
	if s.base != "" && len(files) > 1 {
		errs = append(errs, errors.New("--base: belongs to one delta; sign the others with a command of their own"))
	}
	return usageErrors(cmd, errs...)
}

func (a *app) sign(ctx context.Context, s *signFlags, paths []string) error {
	if err := checkSigned(paths); err != nil {
		return err
	}
	for _, path := range paths {
		if err := checkOutput(path+sign.Suffix, path, s.key); err != nil {
			return err
		}
	}
	key, err := a.secretKey(ctx, s.key)
	if err != nil {
		return err
	}
	r := signResult{Key: key.Public().ID()}
	for _, path := range paths {
		signed, err := s.sign(key, path)
		if err != nil {
			return about(path, fmt.Errorf("%s: %w", path, reason(err)))
		}
		r.Files = append(r.Files, signed)
	}
	if s.version == 0 {
		a.note("signed without a version number; devices that follow updates need --version")
	}
	return a.printSigned(r)
}

// checkSigned returns an error unless each path is a file that can have a signature beside it.
func checkSigned(paths []string) error {
	var errs []error
	for _, path := range paths {
		info, err := os.Stat(path)
		switch {
		case err != nil:
			err = missing(path, err, "a file")
		case !info.Mode().IsRegular():
			err = fmt.Errorf("%s: is not a regular file; give a model, a program or a delta", path)
		case strings.HasSuffix(path, sign.Suffix):
			err = fmt.Errorf("%s: is a signature; give the file that it is for: %s", path, strings.TrimSuffix(path, sign.Suffix))
		}
		if err != nil {
			errs = append(errs, about(path, err))
		}
	}
	return errors.Join(errs...)
}

// sign signs one file and writes its signature.
func (s *signFlags) sign(key sign.SecretKey, path string) (signedFile, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return signedFile{}, err
	}
	if isSecretKey(data) {
		return signedFile{}, errors.New("is a secret key, which nobody else should get; give the file to sign")
	}
	want := sign.Statement{File: filepath.Base(path), Version: s.version, Target: s.target, Time: time.Now()}
	if _, system, ok := deploy.ReadProgram(path, data); ok {
		if err := contradicted(s.target, system); err != nil {
			return signedFile{}, err
		}
		if s.target == "" {
			want.Target = targetOf(system)
		}
	}
	if head, err := delta.Read(data); err == nil {
		want.Base = head.Base
	}
	if s.base != "" {
		base, err := os.ReadFile(s.base)
		if err != nil {
			return signedFile{}, fmt.Errorf("--base %w", missing(s.base, err, "the file that the delta is applied to"))
		}
		has := sumOf(base)
		if want.Base != "" && want.Base != has {
			return signedFile{}, fmt.Errorf("--base %s: the delta was made against another file, with SHA-256 %s; leave --base out", s.base, abbreviated(want.Base))
		}
		want.Base = has
	}
	signature, signed, err := key.Sign(bytes.NewReader(data), want)
	if err != nil {
		return signedFile{}, err
	}
	if err := disk.Write(path+sign.Suffix, signature, 0o644); err != nil {
		return signedFile{}, err
	}
	return describeSigned(path, signed), nil
}

// sumOf is the SHA-256 of a file in hexadecimal.
func sumOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// targetOf is the target for any machine of a system, "" if there is none.
func targetOf(system deploy.System) string {
	for _, b := range targets.Boards {
		if b.SoC == "" && (deploy.System{GOOS: b.System(), GOARCH: b.GOARCH, GOARM: b.GOARM}) == system {
			return b.Name
		}
	}
	return ""
}

// describeSigned is the result for one file.
func describeSigned(path string, s sign.Statement) signedFile {
	f := signedFile{File: path, Signature: path + sign.Suffix, Name: s.File, Bytes: s.Size, SHA256: s.SHA256, Version: s.Version, Target: s.Target, Base: s.Base}
	if !s.Time.IsZero() {
		f.Time = s.Time.UTC().Format(time.RFC3339)
	}
	return f
}

// printSigned prints what was signed, or verified.
func (a *app) printSigned(r signResult) error {
	if a.json {
		return a.printJSON(r)
	}
	rows := []string{"key\t" + r.Key}
	for _, f := range r.Files {
		text := fmt.Sprintf("%s bytes, sha256 %s", thousands(int(f.Bytes)), abbreviated(f.SHA256))
		for _, part := range []struct{ name, value string }{{"version", versionText(f.Version)}, {"for", f.Target}, {"on base", abbreviated(f.Base)}, {"signed", f.Time}, {"as", otherName(f.Name, f.File)}} {
			if part.value != "" {
				text += ", " + part.name + " " + part.value
			}
		}
		rows = append(rows, f.File+"\t"+text)
	}
	return a.table(rows)
}

// versionText is a version as text, "" for none.
func versionText(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

// abbreviated is the beginning of a checksum.
func abbreviated(sum string) string { return sum[:min(12, len(sum))] }

// otherName is the name that was signed, if the file has another one now.
func otherName(signed, path string) string {
	if signed == filepath.Base(path) {
		return ""
	}
	return signed
}
