package own_test

import (
	"strings"
	"testing"

	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/rest/resttest"
	"github.com/grovecloud/grove/printfile/sample"
)

func TestFilesAreSearchedOrderedAndRenamed(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	lid, box := h.Upload(t, "lid.gcode.3mf", sample.ThreeMF()), h.Upload(t, "box.gcode.3mf", sample.ThreeMF())
	same := h.Upload(t, "lid.gcode.3mf", sample.ThreeMF())
	names := func(query string) string {
		var all []string
		for _, f := range ask[[]cloudapi.StoredFile](t, h, 200, "GET", "/files"+query, "") {
			all = append(all, strings.TrimSuffix(f.Name, ".gcode.3mf"))
		}
		return strings.Join(all, " ")
	}
	for query, want := range map[string]string{
		"": "lid box lid", "?sort=name": "box lid lid", "?sort=size&search=box": "box", "?search=BOX": "box", "?kind=stl": "", "?tag=spare": "",
	} {
		if got := names(query); got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
	changed := ask[cloudapi.StoredFile](t, h, 200, "PATCH", "/files/"+box.FileID, `{"name":"tray.gcode.3mf","tags":["Spare"]}`)
	if changed.Name != "tray.gcode.3mf" || names("?tag=spare") != "tray" {
		t.Errorf("%+v", changed)
	}
	if changed.DuplicateOf != lid.FileID || changed.Versions != 1 {
		t.Errorf("%+v", changed)
	}
	versions := ask[[]cloudapi.StoredFile](t, h, 200, "GET", "/files/"+lid.FileID+"/versions", "")
	if len(versions) != 2 || versions[0].ID != same.FileID || versions[1].Versions != 2 || versions[1].DuplicateOf != "" {
		t.Errorf("%+v", versions)
	}
	for _, path := range []string{"/files?sort=oldest", "/files?kind=exe", "/files?search=" + strings.Repeat("a", 201)} {
		resttest.Refused(t, h, 400, 400, "GET", service+path, "")
	}
	resttest.Refused(t, h, 400, 400, "PATCH", service+"/files/"+box.FileID, `{"name":"tray.stl"}`)
}
