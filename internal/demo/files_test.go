package demo

import (
	"bytes"
	"testing"

	"edgec/runtime/preprocess"
)

// TestPictures reads the pictures back as device programs do.
func TestPictures(t *testing.T) {
	set := data(t, 5, 0, 40, 1).Test
	pictures, err := Pictures(set, 18)
	if err != nil {
		t.Fatal(err)
	}
	if len(pictures) != 18 {
		t.Fatalf("%d pictures", len(pictures))
	}
	for i, want := range map[int]string{0: "0.png", 15: "F.png", 17: "1-2.png"} {
		if pictures[i].Name != want {
			t.Errorf("picture %d is named %s, want %s", i, pictures[i].Name, want)
		}
	}
	for i, p := range pictures {
		img, err := preprocess.Decode(p.PNG)
		if err != nil {
			t.Fatal(err)
		}
		want := make([]byte, Shape.Size())
		set.Bytes(i, want)
		if got := preprocess.Pixels(img, Side, Side, 1); !bytes.Equal(got, want) || p.Label != set.Labels[i] {
			t.Errorf("%s: label %d, or other pixels than sample %d", p.Name, p.Label, i)
		}
	}
	if few, err := Pictures(set, 100); err != nil || len(few) != set.Len() {
		t.Errorf("%d pictures of %d samples, error %v", len(few), set.Len(), err)
	}
}
