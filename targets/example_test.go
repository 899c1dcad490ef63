package targets_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	goruntime "runtime"

	"edgec"
	"edgec/targets"
)

// A board has a name and short names; Build makes programs for it.
func ExampleFind() {
	board, err := targets.Find("rpi4")
	check(err)
	fmt.Println(board.Name, board.GOARCH)
	_, err = targets.Find("toaster")
	fmt.Println(err != nil)
	// Output:
	// rpi-4 arm64
	// true
}

// The boards that a 32-bit program for ARMv6 is built for.
func ExampleBoards() {
	for _, b := range targets.Boards {
		if b.GOARM == "6" {
			fmt.Printf("%s: %s, %d MB\n", b.Name, b.Title, b.RAM)
		}
	}
	// Output:
	// rpi-zero: Raspberry Pi Zero, Zero W, 512 MB
	// rpi-1: Raspberry Pi 1 B, B+, A+, 256 MB
	// linux-armv6: any ARMv6 Linux, 0 MB
}

func ExampleBoard_Env() {
	board, err := targets.Find("rpi-zero")
	check(err)
	fmt.Println(board.Env()[1], board.Env()[len(board.Env())-1])
	// Output: GOARCH=arm GOARM=6
}

// A program for this machine's architecture, which needs no cross-compilation. Copy it to
// the board; it has the model inside.
func ExampleBuild() {
	file, err := os.ReadFile("../testdata/lenet-5.edgec")
	check(err)
	board, err := targets.Find(goruntime.GOARCH)
	check(err)
	dir, err := os.MkdirTemp("", "edgec-")
	check(err)
	defer os.RemoveAll(dir)
	r, err := targets.Build(context.Background(), edgec.Sources, file, board, filepath.Join(dir, "digits"), targets.Options{})
	check(err)
	fmt.Println(r.Size < 2_500_000, r.Model == len(file))
	// Output: true true
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
