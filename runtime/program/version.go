package program

import (
	goruntime "runtime"

	"edgec/runtime"
	"edgec/runtime/preprocess"
)

// Program is what edgec build makes a program of. The zero value is one without a model, which
// takes it by --model.
type Program struct {
	Model   []byte // a compressed file
	Edgec   string // version of the edgec that made the program
	Hash    string // SHA-256 of Model, in hexadecimal digits
	Sources string // SHA-256 of the names and contents of the sources
	Target  string // board that the program was built for
}

// reads says which files the program takes.
func reads() string {
	if preprocess.Pictures {
		return "PNG, JPEG, .npy, raw"
	}
	return ".npy, raw"
}

// facts are what --version prints.
func (p Program) facts() (f facts) {
	f.text("edgec", p.Edgec)
	f.text("target", p.Target)
	f.text("system", goruntime.GOOS+"/"+goruntime.GOARCH)
	f.text("go", goruntime.Version())
	f.text("reads", reads())
	f.text("model SHA-256", p.Hash)
	f.as("model_sha256")
	f.text("sources SHA-256", p.Sources)
	f.as("sources_sha256")
	return f
}

// json is the facts as an object.
func (p Program) json() []byte {
	b := []byte{'{'}
	for i, f := range p.facts() {
		if i > 0 {
			b = append(b, ',')
		}
		name := f.name
		if name == "" {
			name = f.key
		}
		b = append(append(b, '"'), name...)
		b = append(append(b, `":`...), jsonString(f.text)...)
	}
	return append(b, '}')
}

// version prints what the program was made of.
func (j *Job) version(p Program) error {
	if j.JSON {
		return j.write(append(append([]byte(Schema+`"provenance":`), p.json()...), "}\n"...))
	}
	var f facts
	if m, err := runtime.Load(p.Model); err == nil {
		f.text("model", m.Info().Name)
	}
	return j.printFacts(append(f, p.facts()...))
}
