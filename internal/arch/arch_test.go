package arch

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/grovecloud/grove"

// floor gives each room its floor. A package imports only from floors below its
// own; rest's parts may also import rest.
var floor = map[string]int{
	"":                           0,
	"bambu":                      1,
	"printfile":                  1,
	"printfile/sample":           1,
	"cloudapi":                   1,
	"client":                     2,
	"internal/access":            3,
	"internal/access/accesstest": 3,
	"internal/fleet":             3,
	"internal/library":           3,
	"internal/queue":             3,
	"internal/feed":              3,
	"internal/webhook":           3,
	"internal/limit":             3,
	"conformance":                3,
	"internal/store":             4,
	"internal/store/storetest":   4,
	"internal/blob":              4,
	"internal/blob/blobtest":     4,
	"internal/post":              4,
	"internal/tcp":               3,
	"internal/broker":            4,
	"internal/rest":              4,
	"internal/rest/cloud":        4,
	"internal/rest/own":          4,
	"internal/broker/opentest":   5,
	"internal/rest/resttest":     5,
	"internal/sim":               4,
	"internal/bridge":            4,
	"web":                        4,
	"internal/server":            5,
	"internal/arch":              5,
	"cmd/grove":                  6,
	"printfile/sample/make":      6,
}

// sisters may import each other although they share a floor.
var sisters = map[string][]string{
	"printfile/sample":           {"printfile"},
	"internal/access/accesstest": {"internal/access"},
	"internal/store/storetest":   {"internal/store"},
	"internal/blob/blobtest":     {"internal/blob"},
	"internal/rest/cloud":        {"internal/rest"},
	"internal/rest/own":          {"internal/rest"},
}

// owners says who alone may import an outside library or a dangerous part of the
// standard one.
var owners = map[string][]string{
	"database/sql":                        {"internal/store"},
	"modernc.org/sqlite":                  {"internal/store"},
	"github.com/jackc/pgx":                {"internal/store"},
	"github.com/pressly/goose":            {"internal/store"},
	"github.com/mochi-mqtt/server":        {"internal/broker", "internal/sim"},
	"github.com/eclipse/paho.mqtt.golang": {"client", "conformance", "internal/bridge", "internal/sim"},
	"github.com/jlaffaye/ftp":             {"internal/bridge"},
	"github.com/danielgtaylor/huma":       {"internal/rest"},
	"github.com/alecthomas/kong":          {"cmd/grove"},
	"github.com/schollz/progressbar":      {"cmd/grove"},
	"golang.org/x/term":                   {"cmd/grove"},
	"gopkg.in/yaml.v3":                    {"cmd/grove"},
	"code.dny.dev/ssrf":                   {"internal/post"},
	"github.com/golang-jwt/jwt":           {"internal/access"},
	"github.com/pquerna/otp":              {"internal/access"},
	"github.com/boombuler/barcode":        {"internal/access"},
	"github.com/wneessen/go-mail":         {"internal/post"},
	"golang.org/x/crypto":                 {"internal/access"},
	"golang.org/x/crypto/acme":            {"internal/server"},
	"github.com/standard-webhooks":        {"internal/webhook"},
	"github.com/go-json-experiment/json":  {"bambu"},
	"golang.org/x/image":                  {"printfile", "internal/sim"},
	"golang.org/x/sys":                    {"internal/blob", "internal/tcp", "internal/server"},
	"github.com/google/go-cmp":            {"internal/blob"},
	"net/http":                            {"client", "cloudapi", "cmd/grove", "conformance", "internal/bridge", "internal/post", "internal/rest", "internal/server", "internal/sim"},
	"os/exec":                             {"cmd/grove", "internal/bridge", "internal/store/storetest"},
}

// shared are the outside libraries that every room from floor 3 up may import.
var shared = []string{"github.com/oklog/ulid", "github.com/prometheus/client_golang", "golang.org/x/sync"}

type pkg struct {
	ImportPath string
	Doc        string
	Imports    []string
	GoFiles    []string
}

func packages(t *testing.T) []pkg {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Doc,Imports,GoFiles", module+"/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func room(path string) string { return strings.TrimPrefix(strings.TrimPrefix(path, module), "/") }

func TestImportsGoDown(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		here := room(p.ImportPath)
		level, known := floor[here]
		if !known {
			t.Errorf("package %q has no floor: name it here and in ARCHITECTURE.md", here)
			continue
		}
		for _, imported := range p.Imports {
			if !strings.HasPrefix(imported, module) {
				continue
			}
			there := room(imported)
			if floor[there] >= level && !slices.Contains(sisters[here], there) {
				t.Errorf("%s (floor %d) imports %s (floor %d)", here, level, there, floor[there])
			}
		}
	}
}

func TestEachEdgeOwnsItsLibrary(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		here := room(p.ImportPath)
		for _, imported := range p.Imports {
			by := ownersOf(imported)
			switch {
			case strings.HasPrefix(imported, module), common(imported) && floor[here] >= 3:
			case by != nil && !within(here, by):
				t.Errorf("%s imports %s, which belongs to %v", here, imported, by)
			case by == nil && outside(imported):
				t.Errorf("%s imports %s, which nobody there may: give it an owner here and in ARCHITECTURE.md", here, imported)
			}
		}
	}
}

// outside is true of what is not in the standard library.
func outside(imported string) bool {
	first, _, _ := strings.Cut(imported, "/")
	return strings.Contains(first, ".")
}

func common(imported string) bool {
	return slices.ContainsFunc(shared, func(s string) bool { return imported == s || strings.HasPrefix(imported, s+"/") })
}

func TestTheWordsImportTheStandardLibraryAlone(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		if room(p.ImportPath) != "" {
			continue
		}
		for _, imported := range p.Imports {
			if outside(imported) {
				t.Errorf("the words import %s", imported)
			}
		}
	}
}

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		if len(p.GoFiles) > 0 && p.Doc == "" {
			t.Errorf("%s has no package comment", p.ImportPath)
		}
	}
}

// ownersOf goes by the longest name: a part of a library may have its own owner.
func ownersOf(imported string) []string {
	longest := ""
	for prefix := range owners {
		if len(prefix) > len(longest) && (imported == prefix || strings.HasPrefix(imported, prefix+"/")) {
			longest = prefix
		}
	}
	return owners[longest]
}

func within(here string, rooms []string) bool {
	return slices.ContainsFunc(rooms, func(r string) bool {
		match, _ := filepath.Match(r+"/*", here)
		return here == r || match
	})
}
