package arch

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/bambu"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/limit"
)

// rows are the rows of all tables of a page whose first cell matches.
func (d document) rows(first *regexp.Regexp) [][]string {
	var all [][]string
	for line := range strings.SplitSeq(d.prose, "\n") {
		if !strings.HasPrefix(line, "| ") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if first.MatchString(cells[0]) {
			all = append(all, cells)
		}
	}
	return all
}

// same demands that the page's rows are those wanted, in any order.
func same(t *testing.T, d document, got, want []string) {
	t.Helper()
	for _, w := range want {
		if !slices.Contains(got, w) {
			t.Errorf("%s lacks: %s", d.name, w)
		}
	}
	for _, g := range got {
		if !slices.Contains(want, g) {
			t.Errorf("%s has what is not so: %s", d.name, g)
		}
	}
}

func page(t *testing.T, name string) document {
	t.Helper()
	return read(t, filepath.Join(root, name))
}

func TestTheErrorTableIsThatOfTheWire(t *testing.T) {
	t.Parallel()
	reasons := []string{
		"", grove.ReasonTokenInvalid, grove.ReasonTokenExpired, grove.ReasonPrinterNotFound, grove.ReasonPrinterOffline,
		grove.ReasonPrintFailed, grove.ReasonUploadFailed, grove.ReasonDiskFull, grove.ReasonWrongPassword, grove.ReasonWrongCode,
		grove.ReasonCodeExpired, grove.ReasonLoginFailed, grove.ReasonRepeatDiffers, grove.ReasonQuotaExhausted,
		cloudapi.ReasonMethodNotAllowed, cloudapi.ReasonUnsupportedMedia, cloudapi.ReasonBadParameters,
	}
	possible := map[string]bool{} // some pairs of kind and reason never arise
	var needed []string
	for _, kind := range []grove.Code{
		grove.Invalid, grove.Unauthenticated, grove.Forbidden, grove.NotFound, grove.Conflict,
		grove.TooLarge, grove.Limited, grove.Unavailable, grove.Internal,
	} {
		for _, reason := range reasons {
			status, body := cloudapi.ToWire(grove.Errorf(kind, reason, "x"), "")
			row := fmt.Sprintf("%d %d %s", status, body.Code, body.Name)
			possible[row] = true
			if reason == "" || kind == grove.Invalid {
				needed = append(needed, row)
			}
		}
	}
	d := page(t, "docs/api.md")
	var got []string
	for _, r := range d.rows(regexp.MustCompile(`^\d{3}$`)) {
		got = append(got, r[0]+" "+r[1]+" "+strings.Trim(r[2], "`"))
	}
	for _, g := range got {
		if possible[g] {
			needed = append(needed, g)
		}
	}
	same(t, d, got, needed)
}

func TestTheLimitTableIsThatOfThePresets(t *testing.T) {
	t.Parallel()
	d := page(t, "docs/configuration.md")
	var got, want []string
	for _, r := range d.rows(regexp.MustCompile("^`[a-z][a-z-]*`$")) {
		if len(r) == 4 {
			got = append(got, strings.Trim(r[0], "`")+" "+r[2]+" "+r[3])
		}
	}
	presets := make([]limit.Rules, 2)
	for i, name := range []string{"spec", "relaxed"} {
		rules, err := limit.Parse(name)
		if err != nil {
			t.Fatal(err)
		}
		presets[i] = rules
	}
	for _, c := range limit.Classes() {
		want = append(want, fmt.Sprintf("%s %s %s", c, presets[0][c], presets[1][c]))
	}
	same(t, d, got, want)
}

func TestTheModelTableIsThatOfThePrinters(t *testing.T) {
	t.Parallel()
	d := page(t, "docs/mqtt.md")
	var got, want []string
	for _, r := range d.rows(regexp.MustCompile(`^[XPAH]\d`)) {
		got = append(got, strings.Join(r, " "))
	}
	for _, m := range bambu.Models() {
		chamber, fans := "no", "no"
		if m.HasChamberHeater() {
			chamber = strconv.Itoa(m.ChamberMax)
		}
		if m.AuxFan && m.ChamberFan {
			fans = "yes"
		}
		want = append(want, fmt.Sprintf("%s %s %d %d %s %s", m.Name, m.Code, m.NozzleMax, m.BedMax, chamber, fans))
		if !m.PartFan || m.AuxFan != m.ChamberFan || m.ChamberMin != 0 {
			t.Errorf("%s can't be told by the columns of the table", m.Name)
		}
	}
	same(t, d, got, want)
}

func TestTheEventTableIsWhole(t *testing.T) {
	t.Parallel()
	d := page(t, "docs/api.md")
	var got, want []string
	for _, r := range d.rows(regexp.MustCompile("^`[a-z]+\\.[a-z_]+`")) {
		for _, name := range code.FindAllStringSubmatch(r[0], -1) {
			got = append(got, name[1])
		}
	}
	for _, e := range grove.EventTypes() {
		want = append(want, string(e))
	}
	same(t, d, got, want)
}

// The table of settings has every flag of grove serve, its variable and its default.
func TestTheSettingsTableIsThatOfServe(t *testing.T) {
	t.Parallel()
	d := page(t, "docs/configuration.md")
	var got []string
	for _, r := range d.rows(regexp.MustCompile("^`--")) {
		if len(r) != 4 {
			continue
		}
		value := ""
		if m := code.FindStringSubmatch(r[2]); m != nil && strings.HasPrefix(r[2], "`") {
			value = m[1]
		}
		got = append(got, strings.Trim(r[0], "`")+" "+strings.Trim(r[1], "`")+" "+value)
	}
	want := append(serveFlags(t), "--config GROVE_CONFIG ")
	same(t, d, got, want)
}

// serveFlags reads the flags of grove serve from its struct. The directory's
// default is not in its tag, since it depends on --demo.
func serveFlags(t *testing.T) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, "cmd/grove/serve.go"), nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok || spec.Name.Name != "serveCmd" {
			return true
		}
		if s, ok := spec.Type.(*ast.StructType); ok {
			for _, f := range s.Fields.List {
				all = append(all, flagOf(t, f))
			}
		}
		return false
	})
	if len(all) == 0 {
		t.Fatal("serveCmd was not found")
	}
	return all
}

var hump = regexp.MustCompile(`[a-z][A-Z]`)

func flagOf(t *testing.T, f *ast.Field) string {
	t.Helper()
	raw, err := strconv.Unquote(f.Tag.Value)
	if err != nil {
		t.Fatal(err)
	}
	tag := reflect.StructTag(raw)
	name := tag.Get("name")
	if name == "" {
		name = strings.ToLower(hump.ReplaceAllStringFunc(f.Names[0].Name, func(s string) string { return s[:1] + "-" + s[1:] }))
	}
	value := tag.Get("default")
	if name == "data" {
		value = "grove-data"
	}
	return "--" + name + " GROVE_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_")) + " " + value
}
