package bambu

import (
	"bytes"
	"strings"
)

// Module is one part of a printer that has firmware of its own.
type Module struct {
	Name     string // ota, esp32, mc, th, ams/0, n3f/0 …
	Project  string // project_name, such as C12
	Product  string // product_name, such as Bambu Lab P1S
	Hardware string // hw_ver
	Firmware string // sw_ver
	Serial   string
}

// Versions is what a printer answers to get_version.
type Versions struct {
	Model    string // model code, such as C12; a code that is not known is given as the printer says it
	Firmware string // the version of ota, which stands for the whole
	Serial   string
	Modules  []Module
	Raw      []byte // the info object
}

// ParseVersions reads a printer's message if it is an answer to get_version that
// names modules.
func ParseVersions(payload []byte) (Versions, bool) {
	d, err := readDocument(payload, maxReportBytes, false)
	if err != nil {
		return Versions{}, false
	}
	defer d.close()
	info := d.member(0, "info")
	list := d.member(info, "module")
	if d.words(d.member(info, "command")) != "get_version" || list < 0 || d.tokens[list].kind != arrayKind {
		return Versions{}, false
	}
	v := Versions{Raw: bytes.Clone(d.raw(info))}
	for j := list + 1; j < d.after(list); j = d.after(j) {
		v.Modules = append(v.Modules, d.module(j))
	}
	v.read()
	return v, len(v.Modules) > 0
}

func (d *document) module(i int) Module {
	text := func(name string) string { return d.words(d.member(i, name)) }
	return Module{
		Name: text("name"), Project: text("project_name"), Product: text("product_name"),
		Hardware: text("hw_ver"), Firmware: text("sw_ver"), Serial: text("sn"),
	}
}

// read fills in what the modules say of the whole. Older firmware names the
// model in project_name, newer in product_name, of ota or of the main board.
func (v *Versions) read() {
	for _, m := range v.Modules {
		if m.Name == "ota" {
			v.Firmware, v.Serial = m.Firmware, m.Serial
			v.identify(m)
		}
	}
	for _, m := range v.Modules {
		if !strings.Contains(m.Name, "/") { // units of filament have names with a number
			v.identify(m)
		}
	}
}

// identify takes the model from a module that names a known one, else keeps the
// first code that is not known.
func (v *Versions) identify(m Module) {
	if _, known := LookupModel(v.Model); known {
		return
	}
	for _, name := range []string{m.Product, m.Project} {
		if model, ok := LookupModel(name); ok {
			v.Model = model.Code
			return
		}
	}
	if v.Model == "" {
		v.Model = m.Project
	}
}
