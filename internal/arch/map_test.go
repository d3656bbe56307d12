package arch

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var (
	mapRow  = regexp.MustCompile("(?m)^\\| (\\d) \\| `([^`]+)` \\|")
	docLink = regexp.MustCompile(`\]\(([^)#]+)\)`)
)

// The map for people names the same packages and floors as the table that the
// import rules use, and every package of the code.
func TestTheMapShowsTheHouse(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	drawn := map[string]string{}
	for _, row := range mapRow.FindAllStringSubmatch(string(raw), -1) {
		drawn[strings.TrimPrefix(row[2], ".")] = row[1]
	}
	for name, level := range floor {
		if drawn[name] != strconv.Itoa(level) {
			t.Errorf("%q is on floor %d; ARCHITECTURE.md says %q", name, level, drawn[name])
		}
	}
	here := map[string]bool{}
	for _, p := range packages(t) {
		here[room(p.ImportPath)] = true
	}
	for name := range drawn {
		if !here[name] {
			t.Errorf("ARCHITECTURE.md draws %q, which is not there", name)
		}
	}
}

func TestLinksBetweenDocumentsLead(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob("../../*.md")
	if err != nil {
		t.Fatal(err)
	}
	more, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(pages) == 0 || len(more) == 0 {
		t.Fatalf("no documents: %v", err)
	}
	for _, page := range append(pages, more...) {
		raw, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, link := range docLink.FindAllStringSubmatch(string(raw), -1) {
			if strings.Contains(link[1], "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), link[1])); err != nil {
				t.Errorf("%s links to %s, which is not there", page, link[1])
			}
		}
	}
}
