package printfile

import (
	"cmp"
	"time"
)

// Limits bound what reading one file may cost. A zero field means the default.
type Limits struct {
	Entries       int           // entries of an archive
	UnpackedBytes int64         // G-code and archive members together, counted while they are read
	Ratio         int64         // unpacked to packed bytes of an entry that unpacks to more than RatioFloor
	RatioFloor    int64         // bytes up to which an entry may be packed as tightly as it likes
	XMLBytes      int64         // one XML part
	XMLDepth      int           // nested elements
	Pixels        int           // of a thumbnail
	Time          time.Duration // for one call
	Steps         int           // of a timeline
}

// DefaultLimits are generous for what slicers write and cheap to enforce.
func DefaultLimits() Limits {
	return Limits{
		Entries:       4096,
		UnpackedBytes: 2 << 30,
		Ratio:         200,
		RatioFloor:    1 << 20,
		XMLBytes:      256 << 20,
		XMLDepth:      64,
		Pixels:        8_000_000,
		Time:          30 * time.Second,
		Steps:         20_000,
	}
}

func (l Limits) orDefaults() Limits {
	d := DefaultLimits()
	return Limits{
		Entries:       cmp.Or(l.Entries, d.Entries),
		UnpackedBytes: cmp.Or(l.UnpackedBytes, d.UnpackedBytes),
		Ratio:         cmp.Or(l.Ratio, d.Ratio),
		RatioFloor:    cmp.Or(l.RatioFloor, d.RatioFloor),
		XMLBytes:      cmp.Or(l.XMLBytes, d.XMLBytes),
		XMLDepth:      cmp.Or(l.XMLDepth, d.XMLDepth),
		Pixels:        cmp.Or(l.Pixels, d.Pixels),
		Time:          cmp.Or(l.Time, d.Time),
		Steps:         cmp.Or(l.Steps, d.Steps),
	}
}

// Bounds on what is kept in memory, beyond what any slicer writes.
const (
	maxDirectory = 4 << 20  // bytes of an archive's table of contents
	maxToken     = 1 << 20  // bytes of one XML token
	maxLine      = 64 << 10 // bytes of a G-code line that are looked at
	maxImage     = 16 << 20 // bytes of a packed thumbnail
	maxJSON      = 4 << 20  // bytes of a plate's JSON
	maxList      = 256      // filaments, and values of one setting
	maxText      = 256      // runes of a name
	maxValue     = 1_000_000_000
)
