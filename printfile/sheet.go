package printfile

import (
	"cmp"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/grovecloud/grove"
)

// The members of a 3MF as BambuStudio writes it (bbs_3mf.cpp).
const (
	modelPart    = "3D/3dmodel.model"
	sliceInfo    = "Metadata/slice_info.config"
	modelSetting = "Metadata/model_settings.config"
)

// sheet is what a 3MF's two configs say of one plate. Both describe plates as a
// list of keys and values; older slicers leave out many of them.
type sheet struct {
	index     int
	name      string // the user's name for the plate
	object    string // the first object's name
	model     string
	bedType   string
	nozzle    float64
	seconds   int
	grams     float64
	filaments []grove.Filament
}

// sheets reads one of the configs; plates says which indices matter. No config, no sheets.
func (a *archive) sheets(part string, plates map[int]*zipPlate) (map[int]sheet, error) {
	m, ok, err := a.open(part, a.src.lim.XMLBytes)
	if !ok || err != nil {
		return nil, err
	}
	defer m.close()
	found := make(map[int]sheet)
	var now *sheet
	err = walkXML(m, a.src.lim, func(token xml.Token) error {
		switch e := token.(type) {
		case xml.StartElement:
			if e.Name.Local == "plate" {
				now = &sheet{}
			} else if now != nil {
				now.take(e)
			}
		case xml.EndElement:
			if e.Name.Local == "plate" && now != nil {
				if _, double := found[now.index]; !double && plates[now.index] != nil {
					found[now.index] = *now
				}
				now = nil
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", part, err)
	}
	return found, nil
}

// take learns from an element inside a plate.
func (s *sheet) take(e xml.StartElement) {
	switch e.Name.Local {
	case "metadata":
		s.set(attr(e, "key"), attr(e, "value"))
	case "object":
		s.object = cmp.Or(s.object, plain(attr(e, "name")))
	case "filament":
		s.addFilament(e)
	}
}

func (s *sheet) set(key, value string) {
	switch key {
	case "index", "plater_id":
		s.index, _ = strconv.Atoi(value)
	case "plater_name":
		s.name = plain(value)
	case "printer_model_id":
		s.model = plain(value)
	case "bed_type":
		s.bedType = plain(value)
	case "nozzle_diameters":
		s.nozzle = at(quantities(value), 0)
	case "prediction":
		s.seconds = whole(value)
	case "weight":
		s.grams = quantity(value)
	}
}

// addFilament keeps a filament that the plate uses.
func (s *sheet) addFilament(e xml.StartElement) {
	id, err := strconv.Atoi(attr(e, "id"))
	f := grove.Filament{
		ID:     id,
		Type:   plain(attr(e, "type")),
		Color:  color(attr(e, "color")),
		Preset: plain(attr(e, "tray_info_idx")),
		Grams:  quantity(attr(e, "used_g")),
		Meters: quantity(attr(e, "used_m")),
	}
	used := f.Grams > 0 || f.Meters > 0
	if err == nil && id > 0 && id <= maxList && used && len(s.filaments) < maxList {
		s.filaments = append(s.filaments, f)
	}
}

// title is the model's name as its designer gave it, from the head of the model
// part. A damaged part has none; one that breaks the limits is refused.
func (a *archive) title() (string, error) {
	m, ok, err := a.open(modelPart, a.src.lim.XMLBytes)
	if !ok || err != nil {
		return "", err
	}
	defer m.close()
	title, err := readTitle(m, a.src.lim)
	if f := new(flaw); errors.As(err, &f) {
		return "", err
	}
	return title, a.src.failed
}

func readTitle(r io.Reader, lim Limits) (title string, err error) {
	inside := false
	err = walkXML(r, lim, func(token xml.Token) error {
		switch e := token.(type) {
		case xml.StartElement:
			if e.Name.Local == "resources" || e.Name.Local == "build" {
				return errEnough
			}
			inside = e.Name.Local == "metadata" && attr(e, "name") == "Title"
		case xml.EndElement:
			inside = false
		case xml.CharData:
			if inside && len(title) < maxToken {
				title += string(e)
			}
		}
		return nil
	})
	return plain(title), err
}
