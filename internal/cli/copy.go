package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"edgec/internal/registry"
	"edgec/internal/sign"
)

func copyCommand(a *app) *cobra.Command {
	var r registryFlags
	pub := ""
	cmd := &cobra.Command{
		Use:   "copy FROM TO",
		Short: "Copy what is in a registry to another one, or to a folder",
		Long: `Copies models and programs with their signatures, between registries and OCI layouts on
disk. The copy has the same digest. What others have stored about it, such as signatures
of cosign, is copied too. With --pub, nothing is copied unless each model, program and delta
is signed with that key.

FROM and TO are each a REF.
` + placesHelp + `
FROM may name a digest: HOST/NAME@sha256:...`,
		Example: `  edgec copy ghcr.io/me/lenet-5:2 oci:/media/usb/models:lenet-5-2
  edgec copy oci:/media/usb/models:lenet-5-2 registry.site:5000/lenet-5:2 --pub edgec.pub`,
		Args: needs(2, 2, "two names: HOST/NAME:TAG or oci:FOLDER:TAG"),
		RunE: func(cmd *cobra.Command, args []string) error {
			_, err := registry.ParseRef(args[0])
			if err := usageErrors(cmd, err, checkTag(args[1])); err != nil {
				return err
			}
			return a.copy(cmd, &r, pub, args[0], args[1])
		},
	}
	r.register(cmd)
	cmd.Flags().StringVar(&pub, "pub", "", "public key, a file or its line: copy nothing that is not signed with it")
	return cmd
}

func (a *app) copy(cmd *cobra.Command, r *registryFlags, pub, from, to string) error {
	var key sign.PublicKey
	if pub != "" {
		var err error
		if key, err = sign.ReadPublicKey(pub); err != nil {
			return fmt.Errorf("--pub %w", err)
		}
	}
	client := a.client(cmd, r, 0)
	return a.reaching(cmd.Context(), to+" stays as it was", func(ctx context.Context, progress *progress) error {
		progress.work(fmt.Sprintf("copying %s to %s", from, to), "")
		source := from
		if pub != "" {
			found, err := client.Resolve(ctx, from)
			if err != nil {
				return err
			}
			if err := client.Verify(ctx, found, verifier(key, map[string]int{})); err != nil {
				return err
			}
			source = found.Ref.At(found.Digest).String() // what was verified, wherever the tag is now
		}
		c, err := client.Copy(ctx, source, to)
		if err != nil {
			return err
		}
		progress.end()
		if c.Skipped > 0 {
			a.note("%d manifests about it are of kinds that edgec does not copy", c.Skipped)
		}
		made := c.Artifact
		result := artifact{Ref: to, From: from, Digest: made.Digest, Name: made.Name, Version: made.Version, About: c.Referrers, Files: made.Files}
		if pub != "" {
			result.Key = key.ID()
		}
		if c.Before != made.Digest {
			result.Previous = c.Before
		}
		return a.printArtifact(result)
	})
}
