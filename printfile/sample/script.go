package sample

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/grovecloud/grove"
)

// write puts header, preset and passes together, with the time left between them.
func (c *cutter) write(s slice, total float64, size int) []byte {
	var b bytes.Buffer
	c.header(&b, s)
	c.preset(&b)
	fmt.Fprintln(&b, "; EXECUTABLE_BLOCK_START")
	elapsed, last := 0.0, ""
	for i, p := range c.passes {
		if i == len(c.passes)-1 {
			pad(&b, size)
		}
		done := elapsed / total
		left := int(math.Ceil((1 - done) * float64(s.seconds) / 60))
		if told := fmt.Sprintf("M73 P%d R%d", int(100*done), left); told != last {
			fmt.Fprintln(&b, told)
			last = told
		}
		b.WriteString(p.code)
		elapsed += p.seconds
	}
	fmt.Fprintln(&b, "M73 P100 R0\n; EXECUTABLE_BLOCK_END")
	return b.Bytes()
}

// header is the block without which printers hang while they unpack.
func (c *cutter) header(b *bytes.Buffer, s slice) {
	line := func(format string, args ...any) { fmt.Fprintf(b, "; "+format+"\n", args...) }
	mm := func(f grove.Filament) string { return decimals(f.Meters * 1000) }
	line("HEADER_BLOCK_START")
	line("BambuStudio 02.04.00.70")
	line("model printing time: %s; total estimated time: %s", duration(max(s.seconds-prepareSeconds, 1)), duration(s.seconds))
	line("total layer number: %d", c.design.layers)
	line("total filament length [mm] : %s", joined(s.filaments, ",", mm))
	line("total filament volume [cm^3] : %s", joined(s.filaments, ",", func(f grove.Filament) string { return decimals(f.Meters * filamentArea()) }))
	line("total filament weight [g] : %s", joined(s.filaments, ",", func(f grove.Filament) string { return decimals(f.Grams) }))
	line("model label id: %d", objectID)
	line("filament_density: %s", joined(s.filaments, ",", func(grove.Filament) string { return "1.24" }))
	line("filament_diameter: %s", joined(s.filaments, ",", func(grove.Filament) string { return "1.75" }))
	line("max_z_height: %.2f", layerHeight*float64(c.design.layers))
	line("filament: %s", joined(s.filaments, ",", func(f grove.Filament) string { return strconv.Itoa(f.ID) }))
	line("HEADER_BLOCK_END\n")
}

// preset is the part of the slicer's settings that readers look at.
func (c *cutter) preset(b *bytes.Buffer) {
	all := c.design.filaments
	line := func(key, value string) { fmt.Fprintf(b, "; %s = %s\n", key, value) }
	nozzle := func(f grove.Filament) string { n, _ := celsius(f.Type); return strconv.Itoa(n) }
	bed := func(f grove.Filament) string { _, n := celsius(f.Type); return strconv.Itoa(n) }
	fmt.Fprintln(b, "; CONFIG_BLOCK_START")
	line("curr_bed_type", "Textured PEI Plate")
	line("filament_colour", joined(all, ";", func(f grove.Filament) string { return "#" + f.Color[:6] }))
	line("filament_ids", joined(all, ";", func(f grove.Filament) string { return f.Preset }))
	line("filament_type", joined(all, ";", func(f grove.Filament) string { return f.Type }))
	line("hot_plate_temp", joined(all, ",", bed))
	line("layer_height", decimals(layerHeight))
	line("nozzle_diameter", "0.4")
	line("nozzle_temperature", joined(all, ",", nozzle))
	line("printer_model", "Bambu Lab "+c.machine.product)
	line("sparse_infill_density", "15%")
	line("wall_loops", "2")
	fmt.Fprintln(b, "; CONFIG_BLOCK_END")
	fmt.Fprintln(b)
}

// pad adds comments until there are size bytes, give or take what follows.
func pad(b *bytes.Buffer, size int) {
	line := "; " + strings.Repeat("padding ", 9) + "\n"
	for b.Len() < size {
		b.WriteString(line)
	}
}

// machine is what the cube must know of a printer.
type machine struct {
	product          string
	centerX, centerY float64 // of the bed, mm
	height           float64 // printable, mm
}

// machineOf knows the bed of each model; an unknown one is taken for a P1S.
func machineOf(code string) machine {
	switch code {
	case "BL-P001":
		return machine{"X1 Carbon", 128, 128, 250}
	case "BL-P002":
		return machine{"X1", 128, 128, 250}
	case "C13":
		return machine{"X1E", 128, 128, 250}
	case "C11":
		return machine{"P1P", 128, 128, 250}
	case "N7":
		return machine{"P2S", 128, 128, 256}
	case "N2S":
		return machine{"A1", 128, 128, 256}
	case "N1":
		return machine{"A1 mini", 90, 90, 180}
	case "N9":
		return machine{"A2L", 165, 160, 325}
	case "N6":
		return machine{"X2D", 128, 128, 256}
	case "O1D":
		return machine{"H2D", 175, 160, 325}
	case "O1E":
		return machine{"H2D Pro", 175, 160, 325}
	case "O1C":
		return machine{"H2C", 165, 160, 325}
	case "O1S":
		return machine{"H2S", 170, 160, 340}
	}
	return machine{"P1S", 128, 128, 250}
}
