package cli

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"edgec/internal/registry"
	"edgec/internal/sign"
)

// placesHelp explains the names of artifacts.
const placesHelp = `REF is HOST/NAME:TAG, or oci:FOLDER:TAG for an OCI layout on disk, such as a USB stick for
a site without a network. edgec takes logins from docker's configuration
(~/.docker/config.json), where docker login, podman and oras put them.`

// registryFlags are the flags of every command that reaches registries.
type registryFlags struct{ plainHTTP bool }

func (r *registryFlags) register(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&r.plainHTTP, "plain-http", false, "reach the registry without TLS; passwords are readable on the way (default: on this machine only)")
}

// client returns what reaches registries.
func (a *app) client(cmd *cobra.Command, r *registryFlags, most size) *registry.Client {
	given := cmd.Flags().Changed("plain-http")
	return registry.New(registry.Options{PlainHTTP: r.plainHTTP, TLS: given && !r.plainHTTP, MaxBytes: int64(most), Agent: "edgec/" + readVersion().Version})
}

// pushFlags are the flags of edgec push.
type pushFlags struct {
	registryFlags
	name, card, licence, report string
	noCard                      bool
	version                     int
}

func pushCommand(a *app) *cobra.Command {
	p := &pushFlags{}
	cmd := &cobra.Command{
		Use:   "push FILE... REF",
		Short: "Store models and programs in a registry",
		Long: `Stores files under one name in an OCI registry, where containers are stored too, in the
form of CNCF ModelPack: models, programs that edgec build made (for any number of boards),
deltas, and texts. If FILE.minisig is beside a file, it is stored too. A model gets a
model card, which edgec writes from what it knows of the file.

Equal files make an equal artifact, to the byte. A tag that exists moves to the new one.

` + placesHelp,
		Example: `  edgec push lenet-5.edgec ghcr.io/me/lenet-5:1
  edgec push lenet-5.edgec lenet-5-rpi-zero lenet-5-rpi-4 ghcr.io/me/lenet-5:2 --licence MIT
  edgec push lenet-5.edgec oci:/media/usb/models:lenet-5-1`,
		Args: needs(2, -1, "the files, and where to store them: HOST/NAME:TAG or oci:FOLDER:TAG"),
		RunE: func(cmd *cobra.Command, args []string) error {
			ref := args[len(args)-1]
			if err := p.check(cmd, ref); err != nil {
				return err
			}
			return a.push(cmd, p, args[:len(args)-1], ref)
		},
	}
	f := cmd.Flags()
	p.register(cmd)
	f.StringVar(&p.name, "name", "", "name of the model (default: that of its file)")
	f.IntVar(&p.version, "version", 0, "version number to state (default: the highest that the signatures state)")
	f.StringVar(&p.licence, "licence", "", "licence of the model, as an SPDX expression such as MIT")
	f.StringVar(&p.card, "card", "", "model card of your own, a Markdown file (default: edgec writes one)")
	f.BoolVar(&p.noCard, "no-card", false, "store no model card")
	f.StringVar(&p.report, "report", "", "report of edgec compress, whose measured loss goes into the card")
	return cmd
}

// check returns what is wrong with the command line.
func (p *pushFlags) check(cmd *cobra.Command, ref string) error {
	errs := []error{checkTag(ref)}
	if cmd.Flags().Changed("version") && (p.version < 1 || p.version > sign.MaxVersion) {
		errs = append(errs, fmt.Errorf("--version %d: give a whole number from 1 to %d", p.version, sign.MaxVersion))
	}
	if p.noCard && (p.card != "" || p.report != "") {
		errs = append(errs, errors.New("--no-card contradicts --card and --report; leave one out"))
	}
	if p.card != "" && p.report != "" {
		errs = append(errs, errors.New("--report goes into the card that edgec writes; leave --card out"))
	}
	return usageErrors(cmd, errs...)
}

// checkTag returns an error unless ref names a tag, which can be written to.
func checkTag(ref string) error {
	r, err := registry.ParseRef(ref)
	if _, e := os.Stat(ref); e == nil && err != nil {
		return fmt.Errorf("%s: is a file, and the last argument says where to store the files: HOST/NAME:TAG or oci:FOLDER:TAG", ref)
	}
	if err == nil && r.Tag == "" {
		err = fmt.Errorf("%s: names a digest, which nothing can be stored under; give a tag", ref)
	}
	return err
}

// artifact is the JSON result of edgec push, pull and copy.
type artifact struct {
	Ref      string          `json:"reference"`
	Digest   string          `json:"digest"`
	Name     string          `json:"name,omitempty"`
	Version  int             `json:"version_number,omitempty"`
	Previous string          `json:"previous_digest,omitempty"`
	From     string          `json:"from,omitempty"`
	Key      string          `json:"key_id,omitempty"`
	About    int             `json:"referrers"`
	Files    []registry.File `json:"artifact_files,omitempty"`
	Pulled   []pulledFile    `json:"pulled,omitempty"`
}

func (a *app) push(cmd *cobra.Command, p *pushFlags, paths []string, ref string) error {
	b := &bundle{app: a, signs: map[string]string{}}
	for _, path := range paths {
		if err := b.add(path); err != nil {
			return err
		}
	}
	if b.useful == 0 {
		return errors.New("push: no model, program or delta among the files; give an .edgec file, or what edgec build made")
	}
	facts, err := b.finish(p)
	if err != nil {
		return err
	}
	client := a.client(cmd, &p.registryFlags, 0)
	return a.reaching(cmd.Context(), ref+" stays as it was", func(ctx context.Context, progress *progress) error {
		progress.work("storing "+fmt.Sprint(len(b.files))+" files in "+ref, "")
		made, before, err := client.Push(ctx, ref, b.files, facts)
		if err != nil {
			return err
		}
		progress.end()
		r := artifact{Ref: ref, Digest: made.Digest, Name: made.Name, Version: made.Version, Files: made.Files}
		if before != made.Digest {
			r.Previous = before
		}
		return a.printArtifact(r)
	})
}

// reaching runs what reaches a registry. An interrupt ends it; left says how things are then.
func (a *app) reaching(ctx context.Context, left string, run func(context.Context, *progress) error) error {
	p := a.newProgress()
	defer p.end()
	ctx, cancel := a.interruptible(ctx, "interrupted: ending the transfer")
	defer cancel()
	err := run(ctx, p)
	if err != nil && errors.Is(ctx.Err(), context.Canceled) {
		err = fmt.Errorf("interrupted; %s; give the command again", left)
	}
	return stoppedBy(ctx, err)
}

// printArtifact prints what was stored.
func (a *app) printArtifact(r artifact) error {
	if a.json {
		return a.printJSON(r)
	}
	rows := []string{"reference\t" + r.Ref}
	if r.From != "" {
		rows = append(rows, "copied from\t"+r.From)
	}
	rows = append(rows, "digest\t"+r.Digest)
	if r.Previous != "" {
		rows = append(rows, "replaced\t"+r.Previous)
	}
	if r.Version > 0 {
		rows = append(rows, "version\t"+fmt.Sprint(r.Version))
	}
	if r.About > 0 {
		rows = append(rows, fmt.Sprintf("referrers\t%d manifests of others about it", r.About))
	}
	if r.Key != "" {
		rows = append(rows, "key\t"+r.Key)
	}
	for _, f := range r.Files {
		rows = append(rows, string(f.Kind)+"\t"+fileText(f))
	}
	for _, f := range r.Pulled {
		rows = append(rows, string(f.Kind)+"\t"+f.text())
	}
	return a.table(rows)
}

// fileText describes a file for people.
func fileText(f registry.File) string {
	text := fmt.Sprintf("%s, %s bytes", f.Name, thousands(int(f.Bytes)))
	if f.System != "" {
		text += ", for " + f.System
	}
	return text
}
