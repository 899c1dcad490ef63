package program

import "edgec/runtime"

// info describes the model.
func (j *Job) info(m *runtime.Model) error {
	i := m.Info()
	var f facts
	f.text("model", i.Name)
	f.shapes("input", i.Inputs, func(k int) int { return stateOf(i, k) })
	f.shapes("output", i.Outputs, nil)
	f.labels(i.Labels)
	f.int("file", int64(len(j.Model)), "bytes")
	f.as("bytes")
	f.int("weights", int64(i.Weights), "")
	f.int("weights kept", int64(i.Kept), "")
	f.as("kept")
	f.int("MACs", i.MACs, "")
	f.int("MACs of kept weights", i.KeptMACs, "")
	f.as("kept_macs")
	f.int("working memory", int64(i.Arena), "bytes")
	f.int("packed weights", int64(i.Memory), "bytes")
	if j.provenance != nil {
		f.raw("provenance", j.provenance)
	}
	return j.printFacts(f)
}
