package arch

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// root is where the module lies, seen from this package's tests.
const root = "../.."

var (
	mapRow     = regexp.MustCompile("(?m)^\\| (\\d) \\| `([^`]+)` \\| (.+) \\|$")
	libraryRow = regexp.MustCompile("(?m)^\\| (`[^|]+`) \\| (.+) \\|$")
	code       = regexp.MustCompile("`([^`]+)`")
)

func drawnMap(t *testing.T) string {
	t.Helper()
	raw, err := os.ReadFile(root + "/ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// The map for people names the same packages and floors as the table that the
// import rules use, and every package of the code.
func TestTheMapShowsTheHouse(t *testing.T) {
	t.Parallel()
	drawn := map[string]string{}
	for _, row := range mapRow.FindAllStringSubmatch(drawnMap(t), -1) {
		name := strings.TrimPrefix(row[2], ".")
		if _, twice := drawn[name]; twice {
			t.Errorf("ARCHITECTURE.md draws %q twice", name)
		}
		drawn[name] = row[1]
	}
	here := map[string]bool{}
	for _, p := range packages(t) {
		name := room(p.ImportPath)
		here[name] = true
		if drawn[name] != strconv.Itoa(floor[name]) {
			t.Errorf("%q is on floor %d; ARCHITECTURE.md says %q", name, floor[name], drawn[name])
		}
	}
	for name := range drawn {
		if !here[name] {
			t.Errorf("ARCHITECTURE.md draws %q, which is not there", name)
		}
	}
	for name := range floor {
		if !here[name] {
			t.Errorf("%q has a floor, and is not there", name)
		}
	}
}

// Its second table says whom each library belongs to, as the import rules do.
func TestTheMapNamesTheOwners(t *testing.T) {
	t.Parallel()
	drawn := map[string][]string{}
	for _, row := range libraryRow.FindAllStringSubmatch(drawnMap(t), -1) {
		by := []string{}
		for _, room := range code.FindAllStringSubmatch(row[2], -1) {
			by = append(by, room[1])
		}
		for _, library := range code.FindAllStringSubmatch(row[1], -1) {
			drawn[library[1]] = by
		}
	}
	want := maps.Clone(owners)
	for _, library := range shared {
		want[library] = []string{}
	}
	for library, by := range want {
		if !slices.Equal(drawn[library], by) {
			t.Errorf("%s belongs to %v; ARCHITECTURE.md says %v", library, by, drawn[library])
		}
	}
	for library := range drawn {
		if _, known := want[library]; !known {
			t.Errorf("ARCHITECTURE.md gives %s an owner, and no import rule does", library)
		}
	}
}
