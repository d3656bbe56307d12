package printfile

import (
	"cmp"
	"crypto/md5" //nolint:gosec // the slicer's own check against damage, not against forgery
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/grovecloud/grove"
)

// zipPlate is a sliced plate of a 3MF: the member that holds its G-code, and the
// configs' sheets about it.
type zipPlate struct {
	index    int
	gcode    string
	sliced   sheet // from slice_info.config
	settings sheet // from model_settings.config
}

// read3MF fills info from a 3MF.
func (s *source) read3MF(info *Info) error {
	a, err := openArchive(s)
	if err != nil {
		return err
	}
	if info.Title, err = a.title(); err != nil {
		return err
	}
	plates, err := a.plates()
	if err != nil {
		return err
	}
	if len(plates) == 0 {
		return a.unsliced()
	}
	info.Sliced = true
	for _, p := range plates {
		plate, model, err := a.plate(p)
		if err != nil {
			return err
		}
		info.Model = cmp.Or(info.Model, model)
		info.Plates = append(info.Plates, plate)
	}
	return nil
}

// unsliced says what a 3MF without G-code is.
func (a *archive) unsliced() error {
	_, model := a.members[modelPart]
	_, types := a.members["[Content_Types].xml"]
	if !model && !types {
		return flawf("The file is a ZIP archive, but no 3MF: upload a sliced .gcode.3mf from Bambu Studio or OrcaSlicer.")
	}
	return flawf("The file is a project that is not sliced, so there is nothing to print yet: slice it first, in Bambu Studio or OrcaSlicer, export the sliced file (.gcode.3mf) and upload that.")
}

// plates lists the sliced plates by number. They need not be contiguous.
func (a *archive) plates() ([]*zipPlate, error) {
	byIndex := make(map[int]*zipPlate)
	for name := range a.members {
		if index, ok := plateIndex(name); ok {
			byIndex[index] = &zipPlate{index: index, gcode: name}
		}
	}
	if len(byIndex) == 0 {
		return nil, nil
	}
	sliced, err := a.sheets(sliceInfo, byIndex)
	if err != nil {
		return nil, err
	}
	settings, err := a.sheets(modelSetting, byIndex)
	if err != nil {
		return nil, err
	}
	for index, p := range byIndex {
		p.sliced, p.settings = sliced[index], settings[index]
	}
	return slices.SortedFunc(maps.Values(byIndex), func(x, y *zipPlate) int { return x.index - y.index }), nil
}

// plateIndex reads N from Metadata/plate_N.gcode.
func plateIndex(member string) (int, bool) {
	digits, ok := strings.CutPrefix(member, "Metadata/plate_")
	digits, gcode := strings.CutSuffix(digits, ".gcode")
	index, err := strconv.Atoi(digits)
	return index, ok && gcode && err == nil && index > 0 && index <= 1<<16 && strconv.Itoa(index) == digits
}

// plate reads one plate, its G-code to the end. The configs know best; what they
// leave out is taken from the G-code's header.
func (a *archive) plate(p *zipPlate) (plate grove.Plate, model string, err error) {
	facts, err := a.facts(p)
	if err != nil {
		return plate, "", err
	}
	plate = facts.plate(p.index)
	plate.Name = cmp.Or(p.settings.name, p.sliced.object, "Plate "+strconv.Itoa(p.index))
	plate.EstimateSeconds = cmp.Or(p.sliced.seconds, plate.EstimateSeconds)
	plate.NozzleDiameter = cmp.Or(p.sliced.nozzle, plate.NozzleDiameter)
	if len(p.sliced.filaments) > 0 {
		plate.Filaments = p.sliced.filaments
	}
	plate.WeightGrams = cmp.Or(p.sliced.grams, plate.WeightGrams)
	bed, err := a.bedType(p.index)
	if err != nil {
		return plate, "", err
	}
	plate.BedType = cmp.Or(bed, p.settings.bedType, plate.BedType)
	plate.HasThumbnail, err = a.hasThumbnail(p.index)
	return plate, cmp.Or(p.sliced.model, facts.model), err
}

// facts streams a plate's G-code once, for what it says and for its checksum.
func (a *archive) facts(p *zipPlate) (facts, error) {
	m, _, err := a.open(p.gcode, a.src.lim.UnpackedBytes)
	if err != nil {
		return facts{}, err
	}
	defer m.close()
	sum := md5.New() //nolint:gosec // see the import
	f, err := readFacts(io.TeeReader(m, sum))
	if err != nil {
		return f, fmt.Errorf("read %s: %w", p.gcode, err)
	}
	if f.commands == 0 {
		return f, flawf("Plate %d holds no G-code commands: slice it again and export it once more.", p.index)
	}
	return f, a.checkDigest(p, hex.EncodeToString(sum.Sum(nil)))
}

// checkDigest compares the G-code's MD5 with the one beside it, if there is one.
func (a *archive) checkDigest(p *zipPlate, got string) error {
	content, ok, err := a.read(p.gcode+".md5", 1<<10)
	if !ok || err != nil {
		return err
	}
	if want, valid := digestText(string(content)); !valid || want != got {
		return flawf("The G-code of plate %d is not the one that was sliced: its checksum differs, so the file was damaged or changed. Slice it again and upload the new file.", p.index)
	}
	return nil
}

// bedType is the kind of bed plate that a plate was sliced for, from plate_N.json.
// A damaged JSON says nothing.
func (a *archive) bedType(index int) (string, error) {
	content, ok, err := a.read(fmt.Sprintf("Metadata/plate_%d.json", index), maxJSON)
	if !ok || err != nil {
		return "", err
	}
	var about struct {
		BedType string `json:"bed_type"`
	}
	_ = json.Unmarshal(content, &about)
	return plain(about.BedType), nil
}

// hasThumbnail reports whether a plate has a picture that [Thumbnail] would try to show.
func (a *archive) hasThumbnail(index int) (bool, error) {
	m, ok, err := a.open(pictureOf(index), maxImage)
	if !ok || err != nil {
		return false, err
	}
	defer m.close()
	return checkPicture(m, a.src.lim) == nil, a.src.failed
}
