package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"edgec/internal/delta"
	"edgec/internal/deploy"
	"edgec/internal/registry"
	"edgec/internal/sign"
	"edgec/runtime/format"
)

// bundle collects what is pushed.
type bundle struct {
	app      *app
	files    []registry.Content
	models   []*inspected      // those that this version can account for
	useful   int               // models, programs and deltas
	signs    map[string]string // by the name of a signature, the SHA-256 that it states
	version  int               // the highest that a signature states
	unsigned []string          // files without a signature
}

const pushable = "an .edgec file, a program that edgec build made, a delta or a text"

// add reads a file, finds out what it is, and takes the signature beside it.
func (b *bundle) add(path string) error {
	isEdgec, err := checkInput(path, pushable)
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return missing(path, err, pushable)
	}
	if info.Size() > registry.MaxFile {
		return about(path, fmt.Errorf("%s: has %s bytes; a file in a registry has at most %s", path, thousands(int(info.Size())), thousands(registry.MaxFile)))
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return about(path, fmt.Errorf("%s: %w", path, reason(err)))
	}
	c := registry.Content{File: registry.File{Name: filepath.Base(path)}, Data: data}
	if strings.HasSuffix(path, sign.Suffix) {
		return b.addSignature(path, strings.TrimSuffix(path, sign.Suffix))
	}
	if err := b.classify(path, isEdgec, &c); err != nil {
		return err
	}
	if c.Kind != registry.Document {
		b.useful++
	}
	if err := b.put(path, c); err != nil {
		return err
	}
	return b.addSignature(path+sign.Suffix, path)
}

// put adds a file once.
func (b *bundle) put(path string, c registry.Content) error {
	if err := registry.CheckName(c.Name); err != nil {
		return about(path, fmt.Errorf("%s: %w; rename it", path, err))
	}
	for _, f := range b.files {
		if strings.EqualFold(f.Name, c.Name) {
			return about(path, fmt.Errorf("%s: another file has the name %s already; rename one", path, f.Name))
		}
	}
	b.files = append(b.files, c)
	return nil
}

// classify says what kind of file it is.
func (b *bundle) classify(path string, isEdgec bool, c *registry.Content) error {
	_, system, isProgram := deploy.ReadProgram(path, c.Data)
	switch {
	case isProgram:
		c.Kind, c.System = registry.Program, system.String()
		return nil
	case delta.Is(c.Data):
		h, err := delta.Read(c.Data)
		if err != nil {
			return about(path, fmt.Errorf("%s: %w", path, err))
		}
		c.Kind, c.Base = registry.Delta, h.Base
		return nil
	case format.IsDelta(c.Data):
		c.Kind = registry.Delta
		return nil
	case isSecretKey(c.Data): // edgec push * would take it
		return about(path, fmt.Errorf("%s: is a secret key, which should not leave your machine; leave it out", path))
	case !isEdgec && filepath.Ext(path) != ".onnx" && isText(c.Data):
		c.Kind = registry.Document
		return nil
	}
	data, m, err := readEdgec(path)
	if err != nil {
		return err
	}
	c.Kind = registry.Model
	i, err := inspect(c.Name, data, m)
	if err != nil { // another version wrote it; it runs all the same
		b.app.note("%s: the model card leaves it out: %v", path, err)
		return nil
	}
	b.models = append(b.models, i)
	return nil
}

// isText reports whether a file is a short text, such as a README or a licence.
func isText(data []byte) bool {
	const most = 1 << 20
	return len(data) > 0 && len(data) <= most && utf8.Valid(data) && !strings.ContainsRune(string(data), 0)
}

// isSecretKey reports whether a file is a secret key, with or without a password.
func isSecretKey(data []byte) bool {
	asked := errors.New("it has a password")
	_, err := sign.ParseSecretKey(data, func() (string, error) { return "", asked })
	return err == nil || errors.Is(err, asked)
}

// addSignature takes the signature of a file, if there is one.
func (b *bundle) addSignature(path, of string) error {
	name := filepath.Base(path)
	for _, f := range b.files {
		if f.Name == name { // given beside its file
			return nil
		}
	}
	signature, err := sign.ReadSignature(path)
	if errors.Is(err, fs.ErrNotExist) {
		b.unsigned = append(b.unsigned, filepath.Base(of))
		return nil
	}
	if err != nil {
		return about(path, fmt.Errorf("%s: %w", path, reason(err)))
	}
	s, err := sign.Claims(signature)
	if err != nil {
		return about(path, fmt.Errorf("%s: %w", path, err))
	}
	b.version = max(b.version, s.Version)
	b.signs[name] = s.SHA256
	return b.put(path, registry.Content{File: registry.File{Name: name, Kind: registry.Signature}, Data: signature})
}

// finish checks that signatures have their files, and adds the card.
func (b *bundle) finish(p *pushFlags) (registry.Facts, error) {
	for _, f := range b.files {
		if f.Kind != registry.Signature {
			continue
		}
		if err := b.belongs(f); err != nil {
			return registry.Facts{}, err
		}
	}
	if p.version == 0 {
		p.version = b.version
	}
	b.sort()
	facts := registry.Facts{Name: p.name, Version: p.version}
	if facts.Name == "" {
		facts.Name = baseName(b.files[0].Name)
	}
	if p.licence != "" {
		facts.Licences = []string{p.licence}
	}
	if len(b.models) > 0 {
		facts.Model = modelFacts(b.models[0])
	}
	if err := b.addCard(p, facts.Name); err != nil {
		return registry.Facts{}, err
	}
	for _, name := range b.unsigned {
		b.app.note("%s: is not signed; edgec pull --pub refuses it: see edgec sign", name)
	}
	return facts, nil
}

// sort brings files into an order that does not depend on the command line: models first.
func (b *bundle) sort() {
	slices.SortFunc(b.files, func(x, y registry.Content) int {
		return cmp.Or(x.Kind.Compare(y.Kind), cmp.Compare(x.Name, y.Name))
	})
	slices.SortFunc(b.models, func(x, y *inspected) int { return cmp.Compare(x.File, y.File) })
}

// belongs checks that a signature is for a file of the bundle, with this content.
func (b *bundle) belongs(signature registry.Content) error {
	name := strings.TrimSuffix(signature.Name, sign.Suffix)
	for _, f := range b.files {
		if f.Name != name {
			continue
		}
		if stated := b.signs[signature.Name]; stated != "" && stated != sumOf(f.Data) {
			return about(signature.Name, fmt.Errorf("%s: %w; sign it again", signature.Name, sign.ErrContent))
		}
		return nil
	}
	return about(signature.Name, fmt.Errorf("%s: is the signature of a file that is not pushed; give %s too", signature.Name, name))
}

// addCard adds the user's card, or one that is written here if there is a model.
func (b *bundle) addCard(p *pushFlags, name string) error {
	switch {
	case p.card != "":
		if err := present(p.card, "a Markdown file"); err != nil {
			return err
		}
		data, err := os.ReadFile(p.card)
		if err != nil {
			return about(p.card, fmt.Errorf("%s: %w", p.card, reason(err)))
		}
		if !isText(data) {
			return about(p.card, fmt.Errorf("%s: is no text of at most 1 MiB; give a Markdown file", p.card))
		}
		if err := b.put(p.card, registry.Content{File: registry.File{Name: filepath.Base(p.card), Kind: registry.Document}, Data: data}); err != nil {
			return err
		}
		return b.addSignature(p.card+sign.Suffix, p.card)
	case len(b.models) == 0 && p.report != "":
		return errors.New("--report: belongs to a model; push the .edgec file too")
	case p.noCard || len(b.models) == 0:
		return nil
	}
	c := card{name: name, licence: p.licence, models: b.models, files: b.files}
	if p.report != "" {
		var err error
		if c.report, err = readReport(p.report, b.models); err != nil {
			return err
		}
	}
	const title = "model-card.md"
	return b.put(title, registry.Content{File: registry.File{Name: title, Kind: registry.Document}, Data: c.text()})
}

// modelFacts are the facts of a model in ModelPack's words.
func modelFacts(m *inspected) registry.ModelFacts {
	return registry.ModelFacts{Format: "edgec", ParamSize: shortCount(m.Weights), Precision: "int8", Quantization: "int8"}
}

// shortCount is a number of weights as ModelPack writes it: 950, 60.1K, 4.2M.
func shortCount(n int) string {
	switch {
	case n < 1000:
		return fmt.Sprint(n)
	case n < 1_000_000:
		return fmt.Sprintf("%.1fK", float64(n)/1e3)
	}
	return fmt.Sprintf("%.1fM", float64(n)/1e6)
}
