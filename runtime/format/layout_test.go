package format

import (
	"strings"
	"testing"
)

// A network that takes channels last says so by a bit of version 1.2; others
// keep their bytes.
func TestChannelsLast(t *testing.T) {
	f := example()
	before := encoded(t, f)
	f.Meta.Input.ChannelsLast = true
	data := encoded(t, f)
	if major, minor := VersionOf(data); major != 1 || minor != 2 || len(data) != len(before) {
		t.Errorf("version %d.%d, %d bytes, without %d", major, minor, len(data), len(before))
	}
	back, err := Decode(data)
	if err != nil || !back.Meta.Input.ChannelsLast || back.Meta.Input.Bytes255 {
		t.Fatalf("%+v, %v", back, err)
	}
	f.Meta.Input.Bytes255 = true
	if back, err = Decode(encoded(t, f)); err != nil || !back.Meta.Input.ChannelsLast || !back.Meta.Input.Bytes255 {
		t.Errorf("%+v, %v", back, err)
	}
	// alone it is a section of meta too
	f.Meta = Meta{Input: Preprocess{ChannelsLast: true}}
	if back, err = Decode(encoded(t, f)); err != nil || !back.Meta.Input.ChannelsLast {
		t.Errorf("%+v, %v", back, err)
	}
}

// Only an image has channels.
func TestChannelsLastOfNoImage(t *testing.T) {
	f := dense()
	f.Meta.Input.ChannelsLast = true
	if _, _, err := Encode(f); err == nil || !strings.Contains(err.Error(), "no image") {
		t.Errorf("%v", err)
	}
	flat := assemble(sectionOf(secGraph, encodeGraph(f)...), sectionOf(secWeights, encodeWeights(f, nil, &Sizes{})...), sectionOf(secMeta, 0, 0, 2, 0, 0))
	if _, err := Decode(flat); err == nil || !strings.Contains(err.Error(), "no image") {
		t.Errorf("decoded: %v", err)
	}
	unknown := assemble(sectionOf(secGraph, encodeGraph(f)...), sectionOf(secWeights, encodeWeights(f, nil, &Sizes{})...), sectionOf(secMeta, 0, 0, 4, 0, 0))
	if _, err := Decode(unknown); err == nil {
		t.Error("bit 2 was accepted")
	}
}
