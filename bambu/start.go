package bambu

import (
	"bytes"
	"net/url"
	"path"
	"strconv"
	"strings"

	"github.com/grovecloud/grove"
)

// Start is what the one start command of a job says.
type Start struct {
	SequenceID string
	TaskID     int64         // the job's number: positive and below 2^31, printers clamp larger ones
	Nonce      string        // sent as subtask_id and repeated in the printer's reports
	Name       string        // shown on the printer; File without its ending if empty
	File       string        // the file's name
	URL        string        // where the printer finds the file
	MD5        string        // of the file, hex; empty: the printer does not check it
	Plate      int           // from 1
	Options    grove.Options // the client's wishes
	ProjectID  int64
	ProfileID  int64
	ThreeMF    bool // the file is a sliced 3MF, not plain G-code
}

// Payload is the whole print.project_file message. Ids are strings, use_ams and
// the other switches JSON bools (an H2D Pro takes a number in use_ams for a
// nozzle's); newer firmware reads the numbers beside them (captures, BambuStudio).
func (s Start) Payload() []byte {
	w := members(nil).text("sequence_id", s.SequenceID).text("command", "project_file").
		text("param", s.member()).
		text("project_id", strconv.FormatInt(s.ProjectID, 10)).
		text("profile_id", strconv.FormatInt(s.ProfileID, 10)).
		text("task_id", strconv.FormatInt(s.TaskID, 10)).
		text("subtask_id", s.Nonce).
		text("subtask_name", s.name()).
		text("file", s.File).
		text("url", s.URL).
		text("md5", strings.ToUpper(s.MD5)).
		text("bed_type", bedType(s.Options.BedType)).
		flag("timelapse", s.Options.Timelapse).
		flag("bed_leveling", s.Options.BedLeveling).
		flag("flow_cali", s.Options.FlowCali).
		flag("vibration_cali", s.Options.VibrationCali).
		flag("layer_inspect", s.Options.LayerInspect).
		flag("use_ams", usesAMS(s.Options))
	if len(s.Options.AMSMapping) > 0 {
		w = w.raw("ams_mapping", flatMapping(s.Options.AMSMapping)).
			raw("ams_mapping2", placeMapping(s.Options.AMSMapping))
	}
	return w.number("auto_bed_leveling", number(s.Options.BedLeveling)).
		number("nozzle_offset_cali", 0).
		number("extrude_cali_flag", number(s.Options.FlowCali)).
		text("cfg", "0").payload(classPrint)
}

// member is the G-code to print: a member of the 3MF, or the file itself.
func (s Start) member() string {
	if !s.ThreeMF {
		return s.File
	}
	return "Metadata/plate_" + strconv.Itoa(max(s.Plate, 1)) + ".gcode"
}

func (s Start) name() string {
	if s.Name != "" {
		return s.Name
	}
	return withoutEnding(s.File)
}

// withoutEnding strips the ending of a print file's name.
func withoutEnding(file string) string {
	for _, ending := range []string{".gcode.3mf", ".3mf", ".gcode"} {
		if len(file) > len(ending) && strings.EqualFold(file[len(file)-len(ending):], ending) {
			return file[:len(file)-len(ending)]
		}
	}
	return file
}

func bedType(wish string) string {
	if wish == "" {
		return "auto"
	}
	return wish
}

// usesAMS follows the mapping where that names a tray: a printer refuses a
// mapping without use_ams, and prints from the external spool.
func usesAMS(o grove.Options) bool {
	for _, tray := range o.AMSMapping {
		if unit, _ := trayPlace(tray); unit != unmapped {
			return true
		}
	}
	return o.UseAMS
}

func number(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// flatMapping writes a tray number for each filament, -1 for none: firmware
// refuses 254 and 255 here (error 0700-8012).
func flatMapping(mapping []int) []byte {
	b := []byte{'['}
	for i, tray := range mapping {
		if i > 0 {
			b = append(b, ',')
		}
		if unit, _ := trayPlace(tray); unit == unmapped {
			tray = -1
		}
		b = strconv.AppendInt(b, int64(tray), 10)
	}
	return append(b, ']')
}

// placeMapping writes the same as unit and slot, which newer firmware prefers.
func placeMapping(mapping []int) []byte {
	b := []byte{'['}
	for i, tray := range mapping {
		if i > 0 {
			b = append(b, ',')
		}
		unit, slot := trayPlace(tray)
		b = append(b, '{')
		b = append(b, members(nil).number("ams_id", unit).number("slot_id", slot)...)
		b = append(b, '}')
	}
	return append(b, ']')
}

// StartWish is what a client that sends project_file or gcode_file wants printed.
// The server makes a job of it; ids that the client chose are not kept.
type StartWish struct {
	Command   string // project_file or gcode_file
	URL       string // as sent; empty in gcode_file
	File      string // the file's name, without a directory
	Name      string // the shown name, may be empty
	MD5       string // upper-case hex, may be empty
	Plate     int    // from 1
	Options   grove.Options
	ProjectID int64 // 0 if not sent
	ProfileID int64 // 0 if not sent
}

// ParseStart reads a client's wish to print. Other commands that begin something
// on the plate (calibration) are refused: there is no file to make a job of.
func ParseStart(r Request) (StartWish, error) {
	switch r.name() {
	case "print.project_file":
		return r.projectFile()
	case "print.gcode_file":
		return r.gcodeFile()
	}
	return StartWish{}, grove.Errorf(grove.Invalid, "not_a_file", "%s begins without a file, so it cannot be queued: start it at the printer", r.name())
}

func (r Request) projectFile() (StartWish, error) {
	w := StartWish{
		Command: r.Command, URL: r.words("url"), Name: r.words("subtask_name"), MD5: strings.ToUpper(r.words("md5")),
		Plate: 1, ProjectID: r.id("project_id"), ProfileID: r.id("profile_id"),
	}
	if w.File = baseName(r.words("file")); w.File == "" {
		w.File = urlName(w.URL)
	}
	if w.File == "" {
		return w, badParam("project_file names no file: set file, or a url that ends with its name")
	}
	if param := r.words("param"); param != "" && baseName(param) != w.File {
		plate, ok := plateNumber(param)
		if !ok {
			return w, badParam("param of project_file must be Metadata/plate_<n>.gcode with n from 1, not %q", excerpt([]byte(param)))
		}
		w.Plate = plate
	}
	var err error
	w.Options, err = r.options()
	return w, err
}

// gcodeFile reads the older start of a file on the printer's storage.
func (r Request) gcodeFile() (StartWish, error) {
	file := r.words("param")
	w := StartWish{Command: r.Command, File: baseName(file), Plate: 1}
	if w.File == "" {
		return w, badParam("gcode_file names no file in param")
	}
	if strings.HasPrefix(file, "/usr/") {
		return w, grove.Errorf(grove.Invalid, "not_a_file", "%s is a script inside the printer, so it cannot be queued: start it at the printer", excerpt([]byte(file)))
	}
	return w, nil
}

// options reads the switches of project_file. Both spellings of bed_leveling are
// in use, and newer clients say on (1) or auto (2) in a number beside the bool.
func (r Request) options() (grove.Options, error) {
	mapping, err := r.mapping()
	if err != nil {
		return grove.Options{}, err
	}
	o := grove.Options{
		UseAMS:        r.flag("use_ams"),
		AMSMapping:    mapping,
		BedType:       r.words("bed_type"),
		BedLeveling:   r.flag("bed_leveling") || r.flag("bed_levelling") || r.flag("auto_bed_leveling"),
		FlowCali:      r.flag("flow_cali") || r.flag("extrude_cali_flag"),
		VibrationCali: r.flag("vibration_cali"),
		LayerInspect:  r.flag("layer_inspect"),
		Timelapse:     r.flag("timelapse"),
	}
	o.UseAMS = usesAMS(o)
	return o, nil
}

// maxFilaments bounds a mapping; slicers know 16 to 32 colours.
const maxFilaments = 64

// mapping reads ams_mapping; trays that are none become -1.
func (r Request) mapping() ([]int, error) {
	mapping, err := r.list("ams_mapping")
	if err != nil {
		return nil, err
	}
	if len(mapping) > maxFilaments {
		return nil, outOfRange("ams_mapping names %d filaments, more than %d", len(mapping), maxFilaments)
	}
	for i, tray := range mapping {
		if tray < -1 || tray > 255 {
			return nil, outOfRange("ams_mapping names a tray %d: -1 is none, 0 to 135 are trays", tray)
		}
		if unit, _ := trayPlace(tray); unit == unmapped {
			mapping[i] = -1
		}
	}
	return mapping, nil
}

// words reads a member's text, or "".
func (r Request) words(member string) string {
	raw := r.Fields[member]
	if len(raw) == 0 || bytes.IndexByte([]byte(`{[n`), raw[0]) >= 0 {
		return ""
	}
	return plainWords(raw)
}

// id reads a number that may be a string, or 0.
func (r Request) id(member string) int64 {
	n, err := strconv.ParseInt(r.words(member), 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// baseName is the name of a file without its directory; "" if there is none.
func baseName(file string) string {
	base := path.Base(strings.ReplaceAll(file, `\`, "/"))
	if base == "." || base == ".." || base == "/" {
		return ""
	}
	return base
}

// urlName is the file name at the end of a link such as ftp://cache/a.3mf or
// https://host/a.3mf?signature. Only web links are escaped.
func urlName(link string) string {
	scheme, rest, found := strings.Cut(link, "://")
	if !found {
		return baseName(link)
	}
	if scheme != "http" && scheme != "https" {
		return baseName(rest)
	}
	u, err := url.Parse(link)
	if err != nil {
		return ""
	}
	return baseName(u.Path)
}
