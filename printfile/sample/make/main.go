// Command make writes the example print: a calibration cube, sliced.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/grovecloud/grove/printfile/sample"
)

func main() {
	out := flag.String("o", "cube.gcode.3mf", "file to write")
	name := flag.String("name", "Calibration cube", "title of the model")
	model := flag.String("model", "C12", "code of the printer to slice for")
	layers := flag.Int("layers", 100, "layers of 0.2 mm")
	flag.Parse()
	cube := sample.ThreeMF(sample.Name(*name), sample.Model(*model), sample.Layers(*layers))
	if err := write(*out, cube); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func write(file string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	if err := os.WriteFile(file, content, 0o600); err != nil {
		return fmt.Errorf("write example: %w", err)
	}
	return nil
}
