package targets

import (
	"strings"
	"testing"
)

// People write the names of boards in many ways.
func TestFindNames(t *testing.T) {
	for name, want := range map[string]string{
		"rpi-4": "rpi-4", "rpi4": "rpi-4", "RPi_4": "rpi-4", "pi4": "rpi-4", "raspberry-pi-4": "rpi-4", "RaspberryPi4": "rpi-4", "raspi 4": "rpi-4", "Pi 5": "rpi-5",
		"rpi-zero": "rpi-zero", "rpi0": "rpi-zero", "pi zero w": "rpi-zero", "raspberry pi zero 2 w": "rpi-zero-2w", "zero": "",
		"bbb": "beaglebone", "BeagleBone Black": "beaglebone", "arm64": "linux-arm64", "aarch64": "linux-arm64", "linux/arm64": "linux-arm64",
		"x86_64": "linux-amd64", "386": "linux-386", "riscv64": "linux-riscv64", "jetson-nano": "linux-arm64",
		"windows": "windows-amd64", "macOS": "darwin-arm64", "wasm": "js-wasm", "js/wasm": "js-wasm",
	} {
		b, err := Find(name)
		if b.Name != want || (err == nil) != (want != "") {
			t.Errorf("%q: board %q, %v; want %q", name, b.Name, err, want)
		}
	}
}

// A board that is not in the table is guessed, and a microcontroller is refused with the
// reason.
func TestFindNothing(t *testing.T) {
	all := strings.Join(Names(), ", ")
	for name, want := range map[string]string{
		"rpi-9":      `targets: no board "rpi-9"; did you mean rpi-1, rpi-2, rpi-3, rpi-4 or rpi-5? edgec targets lists all`,
		"rpi-zro":    `targets: no board "rpi-zro"; did you mean rpi-zero? edgec targets lists all`,
		"beagelbone": `targets: no board "beagelbone"; did you mean beaglebone? edgec targets lists all`,
		"zero":       `targets: no board "zero"; did you mean rpi-zero or rpi-zero-2w? edgec targets lists all`,
		"toaster":    `targets: no board "toaster"; give one of ` + all,
		"":           `targets: no board ""; give one of ` + all,
	} {
		if _, err := Find(name); err == nil || err.Error() != want {
			t.Errorf("%q: %v\nwant %s", name, err, want)
		}
	}
	for _, name := range []string{"pico", "Pico W", "raspberry-pi-pico", "rpi-pico", "rp2040", "esp32", "ESP32-S3", "esp", "arduino", "Arduino Nano 33 BLE", "stm32", "stm32f4", "nucleo-f746zg", "nrf52840", "teensy41", "cortex-m4", "m4", "uno"} {
		want := `targets: "` + name + `" is a microcontroller, which edgec cannot build for: its programs are made by the Go toolchain, which needs Linux, about 2 MB of storage and several MB of RAM; boards within reach: ` + all
		if _, err := Find(name); err == nil || err.Error() != want {
			t.Errorf("%q: %v\nwant %s", name, err, want)
		}
	}
}
