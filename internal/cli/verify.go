package cli

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"edgec/internal/sign"
)

func verifyCommand(a *app) *cobra.Command {
	pub := ""
	cmd := &cobra.Command{
		Use:   "verify FILE...",
		Short: "Verify the signatures of files",
		Long: `Checks each file against the signature FILE.minisig beside it, and prints what was signed
with it: version, target, time. It fails if one file is unsigned, was changed after
signing, or was signed by another key.`,
		Example: `  edgec verify lenet-5.edgec
  edgec verify lenet-5.edgec classify --pub fleet.pub`,
		Args: needs(1, -1, "the files to verify"),
		RunE: func(_ *cobra.Command, args []string) error {
			return a.verify(pub, args)
		},
	}
	cmd.Flags().StringVar(&pub, "pub", defaultPublic, "public key: a file, or its line of 56 characters")
	return cmd
}

func (a *app) verify(pub string, paths []string) error {
	key, err := readPublicKey(pub)
	if err != nil {
		return err
	}
	if err := checkSigned(paths); err != nil {
		return err
	}
	r, errs := signResult{Key: key.ID()}, []error(nil)
	for _, path := range paths {
		s, err := key.VerifyFile(path)
		if err != nil {
			errs = append(errs, about(path, err))
			continue
		}
		if s.File != "" && s.File != filepath.Base(path) {
			a.warn(fmt.Sprintf("%s: was signed under the name %s", path, s.File))
		}
		r.Files = append(r.Files, describeSigned(path, s))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return a.printSigned(r)
}

// readPublicKey reads the public key of --pub.
func readPublicKey(pub string) (sign.PublicKey, error) {
	key, err := sign.ReadPublicKey(pub)
	if err != nil {
		return key, fmt.Errorf("--pub %w", about(pub, err))
	}
	return key, nil
}
