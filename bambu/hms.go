package bambu

import (
	"fmt"

	"github.com/grovecloud/grove"
)

// HMSCode decodes a health message: attr's top byte is the module, code's top
// half the severity (ha-bambulab and BambuStudio agree).
func HMSCode(attr, code uint32) grove.HMS {
	return grove.HMS{
		Code:     fmt.Sprintf("HMS_%04X_%04X_%04X_%04X", attr>>16, attr&0xFFFF, code>>16, code&0xFFFF),
		Severity: severity(code >> 16),
		Module:   module(attr >> 24),
	}
}

func severity(n uint32) string {
	switch n {
	case 1:
		return "fatal"
	case 2:
		return "serious"
	case 3:
		return "common"
	case 4:
		return "info"
	}
	return "unknown"
}

func module(n uint32) string {
	switch n {
	case 0x03:
		return "motion"
	case 0x05:
		return "mainboard"
	case 0x07:
		return "ams"
	case 0x08:
		return "toolhead"
	case 0x0C:
		return "camera"
	}
	return "unknown"
}

// printErrors says in our own words what some print errors mean.
var printErrors = map[uint32]string{
	0x0300400C: "the print was cancelled",
	0x0500400E: "the print was cancelled",
	0x03008000: "paused, the printer gives no reason",
	0x03008001: "paused by a person",
	0x03008003: "paused, the camera saw spaghetti",
	0x03008004: "out of filament",
	0x05004003: "the print file cannot be read",
	0x05004004: "the printer is busy and cannot start another print",
	0x05008013: "the print file is gone, is the storage still in the printer?",
	0x0500C010: "the printer's storage cannot be read or written",
	0x05024007: "the printer only takes signed commands, turn on its Developer Mode",
	0x05024009: "the printer did not accept the command's signature",
	0x07008006: "the filament does not reach the extruder",
	0x07008010: "the motor of the filament unit is overloaded",
	0x07008012: "the print's filaments are not assigned to trays",
	0x07FF8012: "the print's filaments are not assigned to the external spool",
}

// PrintErrorText is a print_error as people write it, such as 0300-400C, with a
// few words if they are known. It is empty for 0, no error.
func PrintErrorText(code int64) string {
	if code == 0 {
		return ""
	}
	c := uint32(code & 0xFFFFFFFF)
	text := fmt.Sprintf("%04X-%04X", c>>16, c&0xFFFF)
	if words, ok := printErrors[c]; ok {
		text += " (" + words + ")"
	}
	return text
}
