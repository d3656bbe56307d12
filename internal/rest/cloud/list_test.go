package cloud_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/rest/resttest"
	"github.com/grovecloud/grove/printfile/sample"
)

func TestListsArePagedAndSayWhere(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	for i := range 5 {
		h.Upload(t, fmt.Sprintf("part%d.stl", i), sample.STL())
	}
	names := func(query string) []string {
		got := resttest.Call[cloudapi.Files](t, h, 200, "GET", iot+"/files?"+query, "")
		out := []string{fmt.Sprintf("%d/%d of %d, more %t", got.Pagination.Page, got.Pagination.Limit, got.Pagination.Total, got.Pagination.HasMore)}
		for _, f := range got.Files {
			out = append(out, f.Name)
		}
		return out
	}
	all := resttest.Call[cloudapi.Files](t, h, 200, "GET", iot+"/files", "")
	for query, want := range map[string][]string{
		"":                                       {"1/20 of 5, more false", "part4.stl", "part3.stl", "part2.stl", "part1.stl", "part0.stl"},
		"limit=0":                                {"1/20 of 5, more false", "part4.stl", "part3.stl", "part2.stl", "part1.stl", "part0.stl"},
		"limit=1000":                             {"1/100 of 5, more false", "part4.stl", "part3.stl", "part2.stl", "part1.stl", "part0.stl"},
		"limit=2":                                {"1/2 of 5, more true", "part4.stl", "part3.stl"},
		"limit=2&page=3":                         {"3/2 of 5, more false", "part0.stl"},
		"limit=2&offset=2":                       {"2/2 of 5, more true", "part2.stl", "part1.stl"},
		"limit=2&page=9":                         {"9/2 of 5, more false"},
		"limit=2&after=" + all.Files[2].FileID:   {"1/2 of 5, more false", "part1.stl", "part0.stl"},
		"name=part3.stl":                         {"1/20 of 1, more false", "part3.stl"},
		"page=2&limit=2&offset=4&guess=whatever": {"3/2 of 5, more false", "part0.stl"},
	} {
		if diff := cmp.Diff(want, names(query)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", query, diff)
		}
	}
	for _, path := range []string{iot + "/files", iot + "/project", iot + "/bind", iot + "/print", iot + "/task", user + "/my/tasks", user + "/my/messages", iot + "/notification"} {
		for _, query := range []string{"limit=-1", "limit=x", "page=0", "page=x", "offset=-1"} {
			resttest.Refused(t, h, 400, 400, "GET", path+"?"+query, "")
		}
	}
}

func TestATaskMayNameItsTraysByUnitAndSlot(t *testing.T) {
	t.Parallel()
	h := bound(t, "off")
	file := h.Upload(t, "part.gcode.3mf", sliced())
	for _, c := range []struct {
		mappings string
		want     []int
	}{
		{`"amsMapping2":[{"amsId":0,"slotId":3},{"amsId":255,"slotId":0}]`, []int{3, -1}},
		{`"amsMapping2":[{"amsId":1,"slotId":2},{"amsId":128,"slotId":0}]`, []int{6, 128}},
		{`"amsMapping2":[{"amsId":254,"slotId":0},{"amsId":255,"slotId":255}]`, []int{-1, -1}},
		{`"amsMapping":[1,0],"amsMapping2":[{"amsId":0,"slotId":3},{"amsId":0,"slotId":3}]`, []int{1, 0}},
		{`"amsMapping":[],"amsMapping2":[{"amsId":0,"slotId":1}]`, []int{1}},
	} {
		made := resttest.Call[cloudapi.TaskCreated](t, h, 200, "POST", user+"/my/task",
			fmt.Sprintf(`{"deviceId":%q,"profileId":%s,"modelId":%q,"title":"x","useAms":true,%s}`, serial, file.ProfileID, file.ModelID, c.mappings))
		job := resttest.Call[cloudapi.Data[grove.Job]](t, h, 200, "GET", fmt.Sprintf("/v1/grove-service/jobs/%d", made.ID), "")
		if !slices.Equal(job.Data.Options.AMSMapping, c.want) {
			t.Errorf("%s: got %v, want %v", c.mappings, job.Data.Options.AMSMapping, c.want)
		}
	}
	for _, slot := range []string{`{"amsId":0,"slotId":4}`, `{"amsId":-1,"slotId":0}`, `{"amsId":32,"slotId":0}`, `{"amsId":128,"slotId":1}`, `{"amsId":255,"slotId":1}`} {
		resttest.Refused(t, h, 400, 400, "POST", user+"/my/task",
			fmt.Sprintf(`{"deviceId":%q,"profileId":%s,"modelId":%q,"title":"x","amsMapping2":[%s]}`, serial, file.ProfileID, file.ModelID, slot))
	}
}

// seen is what a list says of itself and the ids that are in it.
type seen struct {
	pages grove.Pagination
	ids   []string
}

// look reads a list: where its entries are, and which field their id is.
func look(t *testing.T, h *resttest.House, path, entries, id string) seen {
	t.Helper()
	got := resttest.Call[map[string]json.RawMessage](t, h, 200, "GET", path, "")
	inside := got
	names := strings.Split(entries, ".")
	for _, name := range names[:len(names)-1] {
		next := map[string]json.RawMessage{}
		if err := json.Unmarshal(inside[name], &next); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		inside = next
	}
	var s seen
	var items []map[string]json.RawMessage
	if err := errors.Join(json.Unmarshal(got["pagination"], &s.pages), json.Unmarshal(inside[names[len(names)-1]], &items)); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	for _, item := range items {
		s.ids = append(s.ids, strings.Trim(string(item[id]), `"`))
	}
	return s
}

func TestEveryListGoesOnAfterAnIdOfItsOwn(t *testing.T) {
	t.Parallel()
	h := bound(t, "off")
	for i := range 2 {
		resttest.Call[cloudapi.Bound](t, h, 200, "POST", iot+"/bind", fmt.Sprintf(`{"device_id":"01P00A00000001%d"}`, i))
	}
	for i := range 3 {
		file := h.Upload(t, fmt.Sprintf("part%d.gcode.3mf", i), sliced())
		resttest.Call[cloudapi.PrintStarted](t, h, 200, "POST", iot+"/print", fmt.Sprintf(`{"device_id":%q,"file_id":%q}`, serial, file.FileID))
	}
	told := grove.Event{UserID: h.UserID, Type: grove.PrintCompleted, At: time.Now(), Data: grove.EventData{DeviceID: serial}}
	if err := h.DB.AddEvents(t.Context(), []grove.Event{told, told, told}); err != nil { // in one millisecond
		t.Fatal(err)
	}
	for _, list := range []struct{ path, entries, id, other string }{
		{iot + "/bind", "devices", "dev_id", "01P00A000000099"},
		{iot + "/files", "files", "file_id", "160000001"},
		{iot + "/project", "projects", "project_id", "f_01arz3ndektsv4rrffq69g5fav"},
		{iot + "/print", "data.jobs", "job_id", "f_01arz3ndektsv4rrffq69g5fav"},
		{iot + "/task", "tasks", "id", "ntf_01arz3ndektsv4rrffq69g5fav"},
		{user + "/my/tasks", "hits", "id", "ntf_01arz3ndektsv4rrffq69g5fav"},
		{user + "/my/messages", "hits", "id", "ntf_01arz3ndektsv4rrffq69g5fav"},
		{iot + "/notification", "notifications", "id", "f_01arz3ndektsv4rrffq69g5fav"},
	} {
		all := look(t, h, list.path, list.entries, list.id)
		if len(all.ids) != 3 || all.ids[0] == all.ids[1] || all.ids[1] == all.ids[2] {
			t.Errorf("%s: got %v", list.path, all.ids)
			continue
		}
		for i, id := range all.ids {
			next := look(t, h, list.path+"?limit=1&after="+id, list.entries, list.id)
			want := all.ids[i+1:]
			if len(want) > 1 {
				want = want[:1]
			}
			if !slices.Equal(next.ids, want) || next.pages.HasMore != (i == 0) || next.pages.Total != 3 {
				t.Errorf("%s after %s: got %+v, want %v", list.path, id, next, want)
			}
		}
		for _, garbage := range []string{"garbage", "%2e%2e", "f_", "ntf_1", list.other} {
			if e := resttest.Refused(t, h, 400, 400, "GET", list.path+"?after="+garbage, ""); e.Details.Fields["after"] == "" {
				t.Errorf("%s after %s: %+v", list.path, garbage, e)
			}
		}
	}
}

func TestAListOfNothingStillSaysAPage(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	got := resttest.Call[cloudapi.Devices](t, h, 200, "GET", iot+"/bind", "")
	if want := (grove.Pagination{Page: 1, Limit: 20}); *got.Pagination != want {
		t.Errorf("got %+v, want %+v", *got.Pagination, want)
	}
}
