package sample

import (
	"archive/zip"
	"bytes"
	"crypto/md5" //nolint:gosec // the slicer's own check against damage
	"encoding/json"
	"encoding/xml"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/grovecloud/grove"
)

const (
	objectID       = 206 // what skip_objects would take
	prepareSeconds = heatSeconds + homeSeconds + levelSeconds + loadSeconds + cleanSeconds + primeSeconds
)

// part is a member of the 3MF.
type part struct {
	name    string
	content []byte
	stored  bool // not compressed
}

// parts lists the members in the order in which a slicer writes them.
func (d *design) parts() []part {
	s := slice{}
	if !d.unsliced {
		s = d.slice(0)
	}
	parts := []part{
		{name: "[Content_Types].xml", content: []byte(contentTypes)},
		{name: "_rels/.rels", content: []byte(relations)},
		{name: "3D/3dmodel.model", content: d.model3D()},
		{name: "Metadata/project_settings.config", content: d.projectSettings()},
		{name: "Metadata/model_settings.config", content: d.modelSettings()},
		{name: "Metadata/slice_info.config", content: d.sliceInfo(s)},
	}
	pictures := d.pictures()
	for plate := 1; plate <= d.plates; plate++ {
		for _, p := range pictures {
			parts = append(parts, part{name: p.member(plate), content: p.content, stored: true})
		}
		if d.unsliced {
			continue
		}
		member := fmt.Sprintf("Metadata/plate_%d", plate)
		sum := md5.Sum(s.gcode) //nolint:gosec // see the import
		parts = append(
			parts,
			part{name: member + ".json", content: d.plateJSON()},
			part{name: member + ".gcode", content: s.gcode},
			part{name: member + ".gcode.md5", content: fmt.Appendf(nil, "%X", sum), stored: true},
		)
	}
	return d.changed(parts)
}

// changed applies Member and Without.
func (d *design) changed(parts []part) []part {
	kept := parts[:0]
	for _, p := range parts {
		if content, ok := d.members[p.name]; !ok {
			kept = append(kept, p)
		} else if content != nil {
			kept = append(kept, part{name: p.name, content: content, stored: p.stored})
		}
	}
	var more []part
	for name, content := range d.members {
		known := slices.ContainsFunc(kept, func(p part) bool { return p.name == name })
		if content != nil && !known {
			more = append(more, part{name: name, content: content})
		}
	}
	slices.SortFunc(more, func(x, y part) int { return strings.Compare(x.name, y.name) })
	return append(kept, more...)
}

// pack writes the archive, and noise up to the wanted size.
func (d *design) pack(parts []part) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, p := range parts {
		add(z, p)
	}
	must(z.Flush())
	if missing := d.size - b.Len(); missing > 0 {
		noise := make([]byte, missing)
		random := rand.NewChaCha8([32]byte{})
		_, err := random.Read(noise)
		must(err)
		add(z, part{name: "Auxiliaries/noise.bin", content: noise, stored: true})
	}
	must(z.Close())
	return b.Bytes()
}

func add(z *zip.Writer, p part) {
	header := &zip.FileHeader{Name: p.name, Method: zip.Deflate, Modified: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	if p.stored {
		header.Method = zip.Store
	}
	w, err := z.CreateHeader(header)
	must(err)
	_, err = w.Write(p.content)
	must(err)
}

// must is for what can only fail by a mistake in this package.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

const contentTypes = `<?xml version="1.0" encoding="UTF-8"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
 <Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
 <Default Extension="model" ContentType="application/vnd.ms-package.3dmanufacturing-3dmodel+xml"/>
 <Default Extension="png" ContentType="image/png"/>
 <Default Extension="gcode" ContentType="text/x.gcode"/>
</Types>
`

const relations = `<?xml version="1.0" encoding="UTF-8"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
 <Relationship Target="/3D/3dmodel.model" Id="rel-1" Type="http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"/>
</Relationships>
`

// escaped is text fit for an XML attribute.
func escaped(s string) string {
	var b strings.Builder
	must(xml.EscapeText(&b, []byte(s)))
	return b.String()
}

func (d *design) model3D() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `<?xml version="1.0" encoding="UTF-8"?>
<model unit="millimeter" xml:lang="en-US" xmlns="http://schemas.microsoft.com/3dmanufacturing/core/2015/02">
 <metadata name="Application">Grove</metadata>
 <metadata name="Title">%s</metadata>
 <resources>
  <object id="1" type="model">
   <mesh>
    <vertices>
`, escaped(d.name))
	corners, triangles := cubeMesh(cubeSide)
	for _, c := range corners {
		fmt.Fprintf(&b, "     <vertex x=\"%g\" y=\"%g\" z=\"%g\"/>\n", c[0], c[1], c[2])
	}
	b.WriteString("    </vertices>\n    <triangles>\n")
	for _, t := range triangles {
		fmt.Fprintf(&b, "     <triangle v1=\"%d\" v2=\"%d\" v3=\"%d\"/>\n", t[0], t[1], t[2])
	}
	m := machineOf(d.model)
	fmt.Fprintf(&b, `    </triangles>
   </mesh>
  </object>
 </resources>
 <build>
  <item objectid="1" transform="1 0 0 0 1 0 0 0 1 %g %g 0" printable="1"/>
 </build>
</model>
`, m.centerX-cubeSide/2, m.centerY-cubeSide/2)
	return b.Bytes()
}

func (d *design) sliceInfo(s slice) []byte {
	var b bytes.Buffer
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>
<config>
  <header>
    <header_item key="X-BBL-Client-Type" value="slicer"/>
    <header_item key="X-BBL-Client-Version" value="02.04.00.70"/>
  </header>
`)
	for plate := 1; plate <= d.plates && !d.unsliced; plate++ {
		b.WriteString("  <plate>\n")
		for _, m := range [][2]string{
			{"index", strconv.Itoa(plate)},
			{"printer_model_id", escaped(d.model)},
			{"nozzle_diameters", "0.4"},
			{"timelapse_type", "0"},
			{"prediction", strconv.Itoa(s.seconds)},
			{"weight", decimals(s.grams)},
			{"outside", "false"},
			{"support_used", "false"},
			{"label_object_enabled", "false"},
		} {
			fmt.Fprintf(&b, "    <metadata key=%q value=\"%s\"/>\n", m[0], m[1])
		}
		fmt.Fprintf(&b, "    <object identify_id=\"%d\" name=\"%s\" skipped=\"false\" />\n", objectID, escaped(d.name))
		for _, f := range s.filaments {
			fmt.Fprintf(&b, "    <filament id=\"%d\" tray_info_idx=\"%s\" type=\"%s\" color=\"#%s\" used_m=\"%.2f\" used_g=\"%.2f\" />\n",
				f.ID, escaped(f.Preset), escaped(f.Type), f.Color[:6], f.Meters, f.Grams)
		}
		b.WriteString("  </plate>\n")
	}
	b.WriteString("</config>\n")
	return b.Bytes()
}

func (d *design) modelSettings() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `<?xml version="1.0" encoding="UTF-8"?>
<config>
  <object id="1">
    <metadata key="name" value="%s"/>
    <metadata key="extruder" value="1"/>
  </object>
`, escaped(d.name))
	for plate := 1; plate <= d.plates; plate++ {
		b.WriteString("  <plate>\n")
		for _, m := range [][2]string{
			{"plater_id", strconv.Itoa(plate)},
			{"plater_name", escaped(d.name)},
			{"locked", "false"},
			{"gcode_file", fmt.Sprintf("Metadata/plate_%d.gcode", plate)},
			{"thumbnail_file", fmt.Sprintf("Metadata/plate_%d.png", plate)},
		} {
			fmt.Fprintf(&b, "    <metadata key=%q value=\"%s\"/>\n", m[0], m[1])
		}
		fmt.Fprintf(&b, "    <model_instance>\n      <metadata key=\"object_id\" value=\"1\"/>\n      <metadata key=\"identify_id\" value=\"%d\"/>\n    </model_instance>\n", objectID)
		b.WriteString("  </plate>\n")
	}
	b.WriteString("</config>\n")
	return b.Bytes()
}

func (d *design) projectSettings() []byte {
	values := func(value func(grove.Filament) string) []string {
		return strings.Split(joined(d.filaments, "\n", value), "\n")
	}
	return asJSON(map[string]any{
		"printer_model":         "Bambu Lab " + machineOf(d.model).product,
		"filament_type":         values(func(f grove.Filament) string { return f.Type }),
		"filament_colour":       values(func(f grove.Filament) string { return "#" + f.Color }),
		"filament_ids":          values(func(f grove.Filament) string { return f.Preset }),
		"nozzle_diameter":       []string{"0.4"},
		"layer_height":          decimals(layerHeight),
		"curr_bed_type":         "Textured PEI Plate",
		"sparse_infill_density": "15%",
	})
}

func (d *design) plateJSON() []byte {
	m := machineOf(d.model)
	box := []float64{m.centerX - cubeSide/2, m.centerY - cubeSide/2, m.centerX + cubeSide/2, m.centerY + cubeSide/2}
	return asJSON(map[string]any{
		"bbox_all":        box,
		"bbox_objects":    []any{map[string]any{"id": objectID, "name": d.name, "bbox": box, "area": cubeSide * cubeSide, "layer_height": layerHeight}},
		"filament_ids":    []int{0},
		"filament_colors": []string{"#" + d.filaments[0].Color[:6]},
		"is_seq_print":    false,
		"first_extruder":  0,
		"nozzle_diameter": 0.4,
		"version":         2,
		"bed_type":        "textured_plate",
	})
}

func asJSON(v any) []byte {
	b, err := json.MarshalIndent(v, "", "    ")
	must(err)
	return append(b, '\n')
}
