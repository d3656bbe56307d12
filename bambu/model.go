package bambu

import (
	"slices"
	"strings"
	"time"
)

// Model is a kind of printer: its names and what it can take. Temperatures are
// in °C. The limits are those of BambuStudio's printer files
// (nozzle_temp_range, bed_temp_range, support_chamber_temp_edit_range).
type Model struct {
	Code         string // what get_version and the vendor's cloud call it, such as C12
	Name         string // the short product name, such as P1S; the cloud's dev_product_name
	Product      string // the product_name of get_version, such as Bambu Lab P1S
	SerialPrefix string // how its serials begin; never enough to tell a model, H2 serials overlap
	Structure    string // "CoreXY" or "I3"; the cloud's dev_structure
	MainBoard    string // the name of its main board's module in get_version

	NozzleMax, BedMax      int // hottest target that may be asked for
	BedMax110              int // the bed's on 110 V mains; zero: the same
	ChamberMin, ChamberMax int // both zero: no chamber heater
	ChamberHeatFrom        int // from this target on the air duct must be in heating mode; zero: it has no such mode
	ChamberSensor          bool

	PartFan, AuxFan, ChamberFan bool // P1P: the last two may be fitted or not
	LeftAuxFan                  bool // a second auxiliary fan may be fitted
	FanKit                      bool // the chamber fan is part of a kit, which the printer knows of
	AirDuct                     bool // has air duct modes (native set_airduct)

	Nozzles int
	AMS     string // the filament unit it usually comes with: "ams", "ams_lite", "n3f" or ""
	Volume  [3]int // build volume in mm

	Full        bool // reports everything each time, others send what changed
	NewProtocol bool // current firmware reports cfg, fun, aux and stat
}

// HasChamberHeater reports whether a chamber temperature can be set.
func (m Model) HasChamberHeater() bool { return m.ChamberMax > 0 }

// PushallEvery is how often a printer of this model may be asked for everything:
// BambuStudio leaves 3 s between, and the small boards of the P1 and A1 families
// stutter when it is more often than each 5 min (OpenBambuAPI).
func (m Model) PushallEvery() time.Duration {
	if m.MainBoard == "esp32" {
		return 5 * time.Minute
	}
	return PushallApart
}

// SendsPictures reports whether the camera sends single pictures; others send video
// (ha-bambulab, open-bambu-networking).
func (m Model) SendsPictures() bool { return m.MainBoard == "esp32" }

// PushallApart is the least time between two questions for everything, whatever the
// model.
const PushallApart = 3 * time.Second

// models is the table of all known printers. Codes, structure, fans and chamber
// are from BambuStudio's resources/printers, volumes from its machine profiles,
// serial prefixes from ha-bambulab.
var models = []Model{
	{
		Code: "BL-P001", Name: "X1 Carbon", Product: "Bambu Lab X1 Carbon", SerialPrefix: "00M", Structure: "CoreXY", MainBoard: "rv1126",
		NozzleMax: 300, BedMax: 120, BedMax110: 110, ChamberSensor: true, PartFan: true, AuxFan: true, ChamberFan: true,
		Nozzles: 1, AMS: "ams", Volume: [3]int{256, 256, 250}, Full: true, NewProtocol: true,
	},
	{
		Code: "BL-P002", Name: "X1", Product: "Bambu Lab X1", SerialPrefix: "00M", Structure: "CoreXY", MainBoard: "rv1126",
		NozzleMax: 300, BedMax: 120, BedMax110: 110, ChamberSensor: true, PartFan: true, AuxFan: true, ChamberFan: true,
		Nozzles: 1, AMS: "ams", Volume: [3]int{256, 256, 250}, Full: true, NewProtocol: true,
	},
	{
		Code: "C13", Name: "X1E", Product: "Bambu Lab X1E", SerialPrefix: "03W", Structure: "CoreXY", MainBoard: "ap",
		NozzleMax: 320, BedMax: 110, ChamberMax: 60, ChamberSensor: true, PartFan: true, AuxFan: true, ChamberFan: true,
		Nozzles: 1, AMS: "ams", Volume: [3]int{256, 256, 250}, Full: true, NewProtocol: true,
	},
	{
		Code: "C11", Name: "P1P", Product: "Bambu Lab P1P", SerialPrefix: "01S", Structure: "CoreXY", MainBoard: "esp32",
		NozzleMax: 300, BedMax: 100, PartFan: true, AuxFan: true, ChamberFan: true, FanKit: true,
		Nozzles: 1, AMS: "ams", Volume: [3]int{256, 256, 250},
	},
	{
		Code: "C12", Name: "P1S", Product: "Bambu Lab P1S", SerialPrefix: "01P", Structure: "CoreXY", MainBoard: "esp32",
		NozzleMax: 300, BedMax: 100, PartFan: true, AuxFan: true, ChamberFan: true,
		Nozzles: 1, AMS: "ams", Volume: [3]int{256, 256, 250},
	},
	{
		Code: "N7", Name: "P2S", Product: "Bambu Lab P2S", SerialPrefix: "22E", Structure: "CoreXY", MainBoard: "ap",
		NozzleMax: 300, BedMax: 110, ChamberSensor: true, PartFan: true, AuxFan: true, ChamberFan: true, AirDuct: true, LeftAuxFan: true,
		Nozzles: 1, AMS: "n3f", Volume: [3]int{256, 256, 256}, NewProtocol: true,
	},
	{
		Code: "N2S", Name: "A1", Product: "Bambu Lab A1", SerialPrefix: "039", Structure: "I3", MainBoard: "esp32",
		NozzleMax: 300, BedMax: 100, PartFan: true,
		Nozzles: 1, AMS: "ams_lite", Volume: [3]int{256, 256, 256},
	},
	{
		Code: "N1", Name: "A1 mini", Product: "Bambu Lab A1 mini", SerialPrefix: "030", Structure: "I3", MainBoard: "esp32",
		NozzleMax: 300, BedMax: 80, PartFan: true,
		Nozzles: 1, AMS: "ams_lite", Volume: [3]int{180, 180, 180},
	},
	{
		Code: "N9", Name: "A2L", Product: "Bambu Lab A2L", SerialPrefix: "26A19", Structure: "I3", MainBoard: "esp32",
		NozzleMax: 300, BedMax: 80, PartFan: true,
		Nozzles: 1, AMS: "ams_lite", Volume: [3]int{330, 320, 325},
	},
	{
		Code: "N6", Name: "X2D", Product: "Bambu Lab X2D", SerialPrefix: "20P9", Structure: "CoreXY", MainBoard: "ap",
		NozzleMax: 300, BedMax: 120, ChamberMax: 65, ChamberHeatFrom: 40, ChamberSensor: true,
		PartFan: true, AuxFan: true, ChamberFan: true, AirDuct: true, LeftAuxFan: true,
		Nozzles: 2, AMS: "n3f", Volume: [3]int{256, 256, 261}, NewProtocol: true,
	},
	{
		Code: "O1D", Name: "H2D", Product: "Bambu Lab H2D", SerialPrefix: "094", Structure: "CoreXY", MainBoard: "ap",
		NozzleMax: 350, BedMax: 120, ChamberMax: 65, ChamberHeatFrom: 40, ChamberSensor: true,
		PartFan: true, AuxFan: true, ChamberFan: true, AirDuct: true,
		Nozzles: 2, AMS: "n3f", Volume: [3]int{350, 320, 325}, NewProtocol: true,
	},
	{
		Code: "O1E", Name: "H2D Pro", Product: "Bambu Lab H2D Pro", SerialPrefix: "239", Structure: "CoreXY", MainBoard: "ap",
		NozzleMax: 350, BedMax: 120, ChamberMax: 65, ChamberHeatFrom: 40, ChamberSensor: true,
		PartFan: true, AuxFan: true, ChamberFan: true, AirDuct: true,
		Nozzles: 2, AMS: "n3f", Volume: [3]int{350, 320, 325}, NewProtocol: true,
	},
	{
		Code: "O1C", Name: "H2C", Product: "Bambu Lab H2C", SerialPrefix: "31B", Structure: "CoreXY", MainBoard: "ap",
		NozzleMax: 350, BedMax: 120, ChamberMax: 65, ChamberHeatFrom: 40, ChamberSensor: true,
		PartFan: true, AuxFan: true, ChamberFan: true, AirDuct: true,
		Nozzles: 2, AMS: "n3f", Volume: [3]int{330, 320, 325}, NewProtocol: true,
	},
	{
		Code: "O1S", Name: "H2S", Product: "Bambu Lab H2S", SerialPrefix: "093", Structure: "CoreXY", MainBoard: "ap",
		NozzleMax: 350, BedMax: 120, ChamberMax: 65, ChamberHeatFrom: 40, ChamberSensor: true,
		PartFan: true, AuxFan: true, ChamberFan: true, AirDuct: true,
		Nozzles: 1, AMS: "n3f", Volume: [3]int{340, 320, 340}, NewProtocol: true,
	},
}

// aliases are further names in use, plain, each with the code it stands for.
var aliases = map[string]string{
	"x1c": "BL-P001", "n7v2": "N7", "n6v2": "N6", "a1m": "N1", "o2d": "O1E",
	"o1c2": "O1C", "o1c2v2": "O1C",
}

// Models are all known models.
func Models() []Model {
	return slices.Clone(models)
}

// LookupModel finds a model by code, name or product. Case, spaces and dashes
// do not matter: "C12", "P1S", "x1 carbon", "X1C", "3DPrinter-X1-Carbon".
func LookupModel(codeOrName string) (Model, bool) {
	name := plainName(codeOrName)
	if name == "" {
		return Model{}, false
	}
	if code, ok := aliases[name]; ok {
		name = plainName(code)
	}
	for _, m := range models {
		if name == plainName(m.Code) || name == plainName(m.Name) {
			return m, true
		}
	}
	return Model{}, false
}

// plainName strips what differs between one model's spellings, and the maker.
func plainName(s string) string {
	s = strings.Map(func(r rune) rune {
		switch r {
		case ' ', '-', '_', '\t', '\u2011':
			return -1
		}
		return r
	}, strings.ToLower(s))
	for _, maker := range []string{"bambulab", "3dprinter"} {
		s = strings.TrimPrefix(s, maker)
	}
	return s
}

// Fallback is what may be asked of a printer whose model is not known: the bounds
// of an ordinary printer, and every fan.
func Fallback() Model {
	return Model{
		Name: "printer", Product: "unknown printer", NozzleMax: 300, BedMax: 100, ChamberMax: 60,
		PartFan: true, AuxFan: true, ChamberFan: true, LeftAuxFan: true, AirDuct: true, Nozzles: 1,
	}
}
