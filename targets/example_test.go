package targets_test

import (
	"fmt"
	"log"

	"edgec/targets"
)

// A board has a name and short names; Build makes programs for it.
func ExampleFind() {
	board, err := targets.Find("rpi4")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(board.Name, board.GOARCH)
	// Output: rpi-4 arm64
}
