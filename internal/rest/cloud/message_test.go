package cloud_test

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/rest/resttest"
)

// tell gives ann so many messages, all of the same moment.
func tell(t *testing.T, h *resttest.House, n int) {
	t.Helper()
	var told []grove.Event
	for range n {
		told = append(told, grove.Event{
			UserID: h.UserID, Type: grove.PrintCompleted, At: time.Date(2026, 5, 1, 10, 0, 0, 0, time.UTC),
			Data: grove.EventData{DeviceID: serial, DeviceName: "Bench", FileName: "part.gcode.3mf", Status: "FINISH"},
		})
	}
	if err := h.DB.AddEvents(t.Context(), told); err != nil {
		t.Fatal(err)
	}
}

// TestMessagesArePagedByTheirNumbers: one client goes on after the number of the
// last message it saw.
func TestMessagesArePagedByTheirNumbers(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	tell(t, h, 5)
	seen := map[int64]bool{}
	for after, more := "", true; more; {
		page := resttest.Call[cloudapi.Messages](t, h, 200, "GET", user+"/my/messages?limit=2&after="+after, "")
		for _, m := range page.Hits {
			if seen[m.ID] || m.ID <= 0 {
				t.Errorf("message %d was there before", m.ID)
			}
			seen[m.ID] = true
			after = strconv.FormatInt(m.ID, 10)
		}
		tell(t, h, 1) // newer ones do not shift what follows
		more = page.Pagination.HasMore
	}
	if len(seen) != 5 {
		t.Errorf("saw %d of 5", len(seen))
	}
	resttest.Refused(t, h, 400, 400, "GET", user+"/my/messages?after=nonsense", "")
}

func TestMessagesAreFilteredByTheirType(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	tell(t, h, 2)
	for kind, want := range map[int]int{0: 2, 1: 0, 2: 0, 4: 0, 5: 2, 6: 2, 7: 0} {
		got := resttest.Call[cloudapi.Messages](t, h, 200, "GET", fmt.Sprintf("%s/my/messages?type=%d", user, kind), "")
		if len(got.Hits) != want || got.Total != want || got.Hits == nil {
			t.Errorf("type %d: %+v", kind, got)
		}
	}
}

func TestMessagesAreCountedFoundAndRead(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	if got := resttest.Call[cloudapi.Messages](t, h, 200, "GET", user+"/my/message/latest", ""); got.Hits == nil || len(got.Hits) != 0 {
		t.Errorf("latest of none: %+v", got)
	}
	tell(t, h, 3)
	unread := func() int {
		got := resttest.Call[cloudapi.MessageCount](t, h, 200, "GET", user+"/my/message/count", "")
		if got.Total != 3 || got.Count != got.Unread {
			t.Errorf("counted %+v", got)
		}
		return got.Unread
	}
	if got := unread(); got != 3 {
		t.Errorf("%d unread, want 3", got)
	}
	latest := resttest.Call[cloudapi.Messages](t, h, 200, "GET", user+"/my/message/latest", "").Hits[0]
	one := resttest.Call[cloudapi.Message](t, h, 200, "GET", fmt.Sprintf("%s/my/message/%d", user, latest.ID), "")
	if one.NotificationID != latest.NotificationID || one.Read || one.TaskMessage.DeviceID != serial {
		t.Errorf("got %+v", one)
	}
	bob := []string{"Authorization", "Bearer " + h.SignIn(t, "bob@grove.local", grove.Operator)}
	resttest.Refused(t, h, 404, 404, "GET", fmt.Sprintf("%s/my/message/%d", user, latest.ID), "", bob...)
	resttest.Refused(t, h, 404, 404, "POST", user+"/my/message/read", fmt.Sprintf(`{"ids":[%d]}`, latest.ID), bob...)
	resttest.Call[cloudapi.Done](t, h, 200, "POST", user+"/my/message/read", "", bob...)
	if got := unread(); got != 3 {
		t.Errorf("after bob read his: %d unread, want 3", got)
	}
	resttest.Refused(t, h, 404, 404, "POST", user+"/my/message/read", fmt.Sprintf(`{"ids":[%d,999]}`, latest.ID))
	if got := unread(); got != 3 {
		t.Errorf("half done: %d unread, want 3", got)
	}
	resttest.Call[cloudapi.Done](t, h, 200, "POST", user+"/my/message/read", fmt.Sprintf(`{"ids":["%d"]}`, latest.ID))
	if got := unread(); got != 2 {
		t.Errorf("after one: %d unread, want 2", got)
	}
	resttest.Call[cloudapi.Done](t, h, 200, "POST", user+"/my/message/read", "")
	if got := unread(); got != 0 {
		t.Errorf("after all: %d unread, want 0", got)
	}
	resttest.Refused(t, h, 404, 404, "GET", user+"/my/message/abc", "")
}

func TestAProfileIsToldInShort(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	file := h.Upload(t, "part.gcode.3mf", sliced())
	got := resttest.Call[cloudapi.ModelProfile](t, h, 200, "GET", user+"/my/model/profile?modelId=&profileId="+file.ProfileID, "")
	if strconv.FormatInt(got.ProfileID, 10) != file.ProfileID || got.ModelID != file.ModelID || got.Title != "part.gcode.3mf" || got.Cover == "" {
		t.Errorf("got %+v", got)
	}
	resttest.Refused(t, h, 404, 404, "GET", user+"/my/model/profile?profileId=1", "")
	resttest.Refused(t, h, 400, 400, "GET", user+"/my/model/profile", "")
}
