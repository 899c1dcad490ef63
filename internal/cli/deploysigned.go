package cli

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"edgec/internal/deploy"
	"edgec/internal/sign"
	"edgec/targets"
)

// verify refuses a file that the key of --pub has not signed, for this board and version. What was
// signed becomes the default of --target and --version.
func (d *deployFlags) verify(cmd *cobra.Command, path string, data []byte) error {
	if d.pub == "" {
		return signatureFits(path, data)
	}
	key, err := readPublicKey(d.pub)
	if err != nil {
		return err
	}
	signature, err := sign.ReadSignature(path + sign.Suffix)
	if err != nil {
		return about(path, fmt.Errorf("%s: %w; --pub takes signed files only: get FILE%s too, or make it with edgec sign", path+sign.Suffix, reason(err), sign.Suffix))
	}
	s, err := key.VerifyBytes(data, signature)
	if err == nil && s.File != "" && s.File != filepath.Base(path) { // the key may sign several models
		err = fmt.Errorf("is signed under the name %s, and may be another model's; give it that name, with its signature", s.File)
	}
	if err == nil {
		err = d.takeSigned(cmd, s)
	}
	if err != nil {
		return about(path, fmt.Errorf("%s: %w", path, err))
	}
	return nil
}

// signatureFits returns an error if a signature lies beside a file and states another content. It
// is not verified: there is no key.
func signatureFits(path string, data []byte) error {
	signature, err := sign.ReadSignature(path + sign.Suffix)
	if err != nil {
		return nil // most files have none
	}
	if s, err := sign.Claims(signature); err != nil || s.SHA256 == "" || s.SHA256 == sumOf(data) {
		return nil
	}
	return about(path, fmt.Errorf("%s: the signature %w, or remove %s", path, sign.ErrContent, filepath.Base(path)+sign.Suffix))
}

// takeSigned takes what a signature states.
func (d *deployFlags) takeSigned(cmd *cobra.Command, s sign.Statement) error {
	switch {
	case s.Base != "":
		return errors.New("is signed as a delta; make the whole file with edgec patch, and deploy that with its own signature")
	case s.Version > 0 && cmd.Flags().Changed("version") && d.version != s.Version:
		return fmt.Errorf("is signed as version %d, and --version is %d; leave --version out", s.Version, d.version)
	case s.Version > 0:
		d.options.Version, d.options.Signed = s.Version, true
	}
	if s.Target == "" {
		return nil
	}
	signed, err := targets.Find(s.Target)
	if err != nil {
		return fmt.Errorf("is signed for %s, which is no board here: %w", s.Target, err)
	}
	if d.target == "" {
		d.target = signed.Name
		return nil
	}
	board, err := targets.Find(d.target)
	if err != nil {
		return err
	}
	return contradictedBySignature(signed, board)
}

// contradictedBySignature returns an error if programs for the signed board do not run on another.
func contradictedBySignature(signed, board targets.Board) error {
	system := deploy.System{GOOS: signed.System(), GOARCH: signed.GOARCH, GOARM: signed.GOARM}
	if err := contradicted(board.Name, system); err != nil {
		return fmt.Errorf("is signed for %s, and --target is %s; give a file that is signed for that board", signed.Name, board.Name)
	}
	return nil
}
