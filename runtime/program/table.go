package program

import (
	"strconv"
	"strings"

	"edgec/runtime/preprocess"
)

// Schema is how every JSON object begins that this package and the edgec command print:
// with the version of the fields, which docs/JSON.md lists. A field that gets another
// name or meaning makes a new version; a new field does not.
const Schema = `{"schema":1,`

// fact is one line of --info or --bench.
type fact struct {
	key, text, unit string // in words
	number          bool   // text is a number, or other JSON
	name            string // in JSON; "": made of key and unit, "-": not there
}

type facts []fact

func (f *facts) text(key, value string) {
	if value != "" {
		*f = append(*f, fact{key: key, text: value})
	}
}

// shapes adds a shape, or several with their numbers. state, if not nil, tells of each the output of
// the run before that it takes, or -1.
func (f *facts) shapes(key string, list [][]int, state func(int) int) {
	all := []byte{'['}
	for i, shape := range list {
		name := key
		if len(list) > 1 {
			name += " " + itoa(i)
		}
		text, of := preprocess.Dims(shape), -1
		if state != nil {
			of = state(i)
		}
		if of >= 0 {
			text += ", state: output " + itoa(of) + " of the run before"
		}
		f.text(name, text)
		f.as("-")
		if i > 0 {
			all = append(all, ',')
		}
		all = append(all, `{"name":"`+key+itoa(i)+`","shape":`...)
		all = appendShape(all, shape)
		if of >= 0 {
			all = append(all, `,"state":"output`+itoa(of)+`"`...)
		}
		all = append(all, '}')
	}
	f.raw(key+"s", append(all, ']'))
}

// labels adds the names of the classes, if there are any.
func (f *facts) labels(names []string) {
	if len(names) == 0 {
		return
	}
	f.text("labels", strings.Join(names, ", "))
	f.as("-")
	b := []byte{'['}
	for i, name := range names {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, jsonString(name)...)
	}
	f.raw("labels", append(b, ']'))
}

// warnings adds a line for each text, and a list in JSON, if there are any.
func (f *facts) warnings(texts []string) {
	if len(texts) == 0 {
		return
	}
	b := []byte{'['}
	for i, text := range texts {
		f.text("warning", text)
		f.as("-")
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, jsonString(text)...)
	}
	f.raw("warnings", append(b, ']'))
}

// raw adds what only JSON has.
func (f *facts) raw(name string, value []byte) {
	*f = append(*f, fact{text: string(value), number: true, name: name})
}

func (f *facts) int(key string, v int64, unit string) {
	*f = append(*f, fact{key: key, text: strconv.FormatInt(v, 10), unit: unit, number: true})
}

func (f *facts) real(key string, v float64, unit string) {
	*f = append(*f, fact{key: key, text: strconv.FormatFloat(v, 'g', 5, 64), unit: unit, number: true})
}

// as names the last fact in JSON.
func (f *facts) as(name string) { (*f)[len(*f)-1].name = name }

// printFacts writes a line for each fact, or one JSON object.
func (j *Job) printFacts(fs facts) error {
	if !j.JSON {
		var b []byte
		for _, f := range fs {
			if f.key == "" {
				continue
			}
			b = append(b, f.key...)
			for n := len(f.key); n < 22; n++ {
				b = append(b, ' ')
			}
			b = append(b, Printable(f.text)...)
			if f.unit != "" {
				b = append(b, ' ')
				b = append(b, f.unit...)
			}
			b = append(b, '\n')
		}
		return j.write(b)
	}
	b := []byte(Schema)
	for _, f := range fs {
		if f.name == "-" {
			continue
		}
		if len(b) > len(Schema) {
			b = append(b, ',')
		}
		key := f.key
		if f.unit != "" {
			key += "_" + f.unit
		}
		name := f.name
		if name == "" {
			name = jsonKey(key)
		}
		b = append(b, jsonString(name)...)
		b = append(b, ':')
		if f.number {
			b = append(b, f.text...)
		} else {
			b = append(b, jsonString(f.text)...)
		}
	}
	return j.write(append(b, "}\n"...))
}

// jsonKey is "MMAC/s" as "mmac_per_s": lower case, no blanks.
func jsonKey(s string) string {
	var b []byte
	for _, r := range s {
		switch {
		case r == '/':
			b = append(b, "_per_"...)
		case r == ' ' || r == '-':
			b = append(b, '_')
		case r == '°':
		case r >= 'A' && r <= 'Z':
			b = append(b, byte(r)+'a'-'A')
		case r < 128:
			b = append(b, byte(r))
		}
	}
	return string(b)
}
