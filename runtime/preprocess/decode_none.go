//go:build nopictures

package preprocess

// Pictures reports whether Read reads pictures. The build tag nopictures leaves their decoders out.
const Pictures = false

// PictureSize knows no pictures.
func PictureSize([]byte) (w, h int, err error) { return 0, 0, Error("pictures are not read") }

func readPicture(_ []byte, shape []int) (Sample, error) {
	if _, _, _, ok := PictureShape(shape); !ok {
		return Sample{}, Error("the network takes " + Dims(shape) + " values, no picture; give an .npy or raw file")
	}
	return Sample{}, Error("it is a picture, and this program was built without their decoders; give an .npy or raw file, or build the program with edgec build --pictures yes")
}
