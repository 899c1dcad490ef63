package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"edgec/internal/deploy"
	"edgec/internal/registry"
	"edgec/internal/sign"
	"edgec/targets"
)

// pullFlags are the flags of edgec pull.
type pullFlags struct {
	registryFlags
	folder, target, pub string
	force               bool
	most                size
}

func pullCommand(a *app) *cobra.Command {
	p := &pullFlags{}
	cmd := &cobra.Command{
		Use:   "pull REF",
		Short: "Get models and programs from a registry",
		Long: `Writes the files that edgec push stored under a name. Each file is compared with its
SHA-256 while it arrives. Files appear whole, and all of them or none: what was there
stays if anything is wrong. Programs can be executed.

--target takes only the programs that run on a board, beside models and texts. --pub
refuses what is not signed with that key, and leaves texts out that are not signed.

` + placesHelp + `
REF may also name a digest: HOST/NAME@sha256:...`,
		Example: `  edgec pull ghcr.io/me/lenet-5:2
  edgec pull ghcr.io/me/lenet-5:2 -o models --target rpi-zero --pub edgec.pub
  edgec pull oci:/media/usb/models:lenet-5-2`,
		Args: needs(1, 1, "what to get: HOST/NAME:TAG or oci:FOLDER:TAG"),
		RunE: func(cmd *cobra.Command, args []string) error {
			_, err := registry.ParseRef(args[0])
			if err := usageErrors(cmd, err, p.check()); err != nil {
				return err
			}
			return a.pull(cmd, p, args[0])
		},
	}
	f := cmd.Flags()
	p.register(cmd)
	f.StringVarP(&p.folder, "output", "o", ".", "folder for the files; it is made if it is missing")
	f.StringVar(&p.target, "target", "", "take only programs for this board; edgec targets lists them (default: all)")
	f.StringVar(&p.pub, "pub", "", "public key, a file or its line: refuse what is not signed with it")
	f.BoolVar(&p.force, "force", false, "replace files of the same names that are there")
	f.Var(&p.most, "max-size", "most bytes of all files together (default: 1 GiB)")
	must(cmd.RegisterFlagCompletionFunc("target", cobra.FixedCompletions(targets.Names(), cobra.ShellCompDirectiveNoFileComp)))
	return cmd
}

// check returns what is wrong with the command line.
func (p *pullFlags) check() error {
	var errs []error
	if p.target != "" {
		if _, err := targets.Find(p.target); err != nil {
			errs = append(errs, fmt.Errorf("--target %s: %s", shown(p.target), strings.TrimPrefix(err.Error(), "targets: ")))
		}
	}
	if p.folder == "" {
		errs = append(errs, errors.New("-o: give the name of a folder"))
	}
	return errors.Join(errs...)
}

// pulledFile is a file that edgec pull has dealt with.
type pulledFile struct {
	registry.File
	Output    string `json:"output,omitempty"`
	Unchanged bool   `json:"unchanged,omitempty"`
	Unsigned  bool   `json:"unsigned,omitempty"`
	Version   int    `json:"version_number,omitempty"` // that is signed
}

func (f pulledFile) text() string {
	text := fileText(f.File)
	switch {
	case f.Unsigned:
		return text + ", left out: it is not signed"
	case f.Unchanged:
		text += ", was there already"
	}
	if f.Version > 0 {
		text += fmt.Sprintf(", version %d is signed", f.Version)
	}
	return text
}

func (a *app) pull(cmd *cobra.Command, p *pullFlags, ref string) error {
	var key sign.PublicKey
	if p.pub != "" {
		var err error
		if key, err = sign.ReadPublicKey(p.pub); err != nil {
			return fmt.Errorf("--pub %w", err)
		}
	}
	made, err := makeFolder(p.folder)
	if err != nil {
		return about(p.folder, err)
	}
	client := a.client(cmd, &p.registryFlags, p.most)
	err = a.reaching(cmd.Context(), "no file was written", func(ctx context.Context, progress *progress) error {
		progress.slow("asking for " + ref)
		found, err := client.Resolve(ctx, ref)
		if err != nil {
			return err
		}
		options := registry.PullOptions{Folder: p.folder, Replace: p.force}
		if options.Keep, err = p.wanted(found); err != nil {
			return err
		}
		options.Begin = func(f registry.File) {
			if f.Bytes >= largeFile {
				progress.work(fmt.Sprintf("getting %s, %s bytes", f.Name, thousands(int(f.Bytes))), "")
			}
		}
		versions := map[string]int{}
		if p.pub != "" {
			options.Verify = verifier(key, versions)
		}
		files, err := client.Pull(ctx, found, options)
		if err != nil {
			return err
		}
		progress.end()
		r := artifact{Ref: ref, Digest: found.Digest, Name: found.Name, Version: found.Version}
		if p.pub != "" {
			r.Key = key.ID()
		}
		for _, f := range files {
			r.Pulled = append(r.Pulled, pulledFile{File: f.File, Output: f.Path, Unchanged: f.Unchanged, Unsigned: f.Unsigned, Version: versions[f.Name]})
		}
		return a.printArtifact(r)
	})
	if err != nil && made {
		os.Remove(p.folder) // only if it is empty
	}
	return err
}

// largeFile is the size from which on a file is announced.
const largeFile = 4 << 20

// makeFolder makes a folder if it is missing, and checks that files can be written there.
func makeFolder(folder string) (made bool, err error) {
	switch err := os.Mkdir(folder, 0o755); {
	case err == nil:
		made = true
	case errors.Is(err, fs.ErrNotExist):
		return false, fmt.Errorf("%s: folder %s is missing; make it first: mkdir -p %s", folder, filepath.Dir(folder), filepath.Dir(folder))
	case !errors.Is(err, fs.ErrExist):
		return false, fmt.Errorf("%s: cannot make this folder: %w; choose another", folder, reason(err))
	}
	return made, checkFolder(folder)
}

// verifier checks signatures, and keeps the versions that they state.
func verifier(key sign.PublicKey, versions map[string]int) func(registry.File, io.Reader, []byte) error {
	return func(f registry.File, content io.Reader, signature []byte) error {
		s, err := key.Verify(content, signature)
		if err != nil {
			return err
		}
		if s.File != "" && s.File != f.Name {
			return fmt.Errorf("was signed under another name, %s; somebody has renamed it: push it with its own name", s.File)
		}
		if b, err := targets.Find(s.Target); f.Kind == registry.Program && err == nil && !fits(f.System, b) {
			return fmt.Errorf("was signed for %s and is stored as a program for %s; somebody has changed that: push it again", s.Target, shown(f.System))
		}
		versions[f.Name] = s.Version
		return nil
	}
}

// wanted says which files are for the board; nil: all. Of the programs that run on it, those for
// the latest ARM are taken.
func (p *pullFlags) wanted(from *registry.Artifact) (func(registry.File) bool, error) {
	if p.target == "" {
		return nil, nil
	}
	board, err := targets.Find(p.target)
	if err != nil {
		return nil, err
	}
	best, others := "", []string{} // the system of the programs that are taken
	for _, f := range from.Files {
		if f.Kind != registry.Program {
			continue
		}
		others = append(others, fmt.Sprintf("%s (%s)", f.Name, f.System))
		if fits(f.System, board) {
			best = max(best, f.System) // they differ in the version of ARM
		}
	}
	if len(others) > 0 && best == "" {
		return nil, fmt.Errorf("%v: has no program for %s, but %s; build and push one, or leave --target out", from.Ref, board.Name, strings.Join(others, ", "))
	}
	return func(f registry.File) bool {
		return f.Kind != registry.Signature && (f.Kind != registry.Program || f.System == best)
	}, nil
}

// fits reports whether programs for a system run on a board.
func fits(system string, board targets.Board) bool {
	has := deploy.System{GOOS: board.System(), GOARCH: board.GOARCH, GOARM: board.GOARM}
	for ; has.GOARM > "5"; has.GOARM = string(has.GOARM[0] - 1) {
		if has.String() == system {
			return true
		}
	}
	return has.String() == system
}
