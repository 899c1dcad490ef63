package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// field is a field of a JSON object.
type field struct {
	name  string
	value json.RawMessage
}

// fields are a JSON object whose fields keep their order: device programs of other versions
// may have fields that this edgec does not know.
type fields []field

// readFields reads one JSON object.
func readFields(text []byte) (f fields, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New("it is no JSON object")
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, fmt.Errorf("json: %w", err)
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, fmt.Errorf("json: %w", err)
		}
		f = append(f, field{name.(string), value}) // a decoder gives strings for names
	}
	if _, err := d.Token(); err != nil {
		return nil, fmt.Errorf("json: %w", err)
	}
	return f, nil
}

// MarshalJSON writes the object.
func (f fields) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, one := range f {
		if i > 0 {
			b = append(b, ',')
		}
		name, err := json.Marshal(one.name)
		if err != nil {
			return nil, err
		}
		b = append(append(append(b, name...), ':'), one.value...)
	}
	return append(b, '}'), nil
}

// get decodes the field of a name into v; ok is false if there is none that fits.
func (f fields) get(name string, v any) (ok bool) {
	i := slices.IndexFunc(f, func(one field) bool { return one.name == name })
	return i >= 0 && json.Unmarshal(f[i].value, v) == nil
}

// number returns a number, 0 if there is none of that name.
func (f fields) number(name string) (v float64) {
	f.get(name, &v)
	return v
}

// set returns f with a value for a name, which is added at the end if it is not there.
func (f fields) set(name string, v any) (fields, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(f, func(one field) bool { return one.name == name }); i >= 0 {
		f = slices.Clone(f)
		f[i].value = data
		return f, nil
	}
	return append(f, field{name, data}), nil
}

// without returns f without the fields of some names.
func (f fields) without(names ...string) fields {
	return slices.DeleteFunc(slices.Clone(f), func(one field) bool { return slices.Contains(names, one.name) })
}

// fieldUnits are how names end that have a unit, and the unit for people.
var fieldUnits = []struct{ ending, unit string }{
	{"_per_run", "per run"}, {"_us", "us"}, {"_bytes", "bytes"}, {"_kib", "KiB"}, {"_mhz", "MHz"}, {"_mmac_per_s", "MMAC/s"}, {"_percent", "%"}, {"_c", "°C"}, {"_s", "s"},
}

// fieldTitles are names that say more to people in other words.
var fieldTitles = map[string]string{
	"bytes": "file size", "macs": "MACs", "kept_macs": "MACs of kept weights", "cpu_features": "CPU features", "model_sha256": "model SHA-256",
	"program_sha256": "program SHA-256", "deviation_us": "standard deviation", "on": "measured on",
}

// shortHash is the number of hexadecimal digits of a checksum in a table.
const shortHash = 16

// row is the line of a field in a table, with a tab between title and value.
func (f field) row() string {
	title, unit := f.name, ""
	for _, u := range fieldUnits {
		if rest, ok := strings.CutSuffix(title, u.ending); ok {
			title, unit = rest, " "+u.unit
			break
		}
	}
	title = strings.ReplaceAll(title, "_", " ")
	if t, ok := fieldTitles[f.name]; ok {
		title = t
	}
	if f.name == "bytes" {
		unit = " bytes"
	}
	text := string(f.value)
	var words string
	if json.Unmarshal(f.value, &words) == nil {
		text = words
		if strings.HasSuffix(f.name, "_sha256") { // the beginning tells files apart
			text = text[:min(len(text), shortHash)]
		}
	} else if n, err := strconv.Atoi(text); err == nil && n >= 10_000 {
		text = thousands(n)
	} else if v, err := strconv.ParseFloat(text, 64); err == nil && strings.Contains(text, "e") {
		text = strconv.FormatFloat(v, 'f', -1, 64)
	}
	return title + "\t" + text + unit
}
