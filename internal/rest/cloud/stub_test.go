package cloud_test

import (
	"strings"
	"testing"

	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/rest/resttest"
)

func TestUnknownPathsOfKnownServicesAreNotFoundInTheEnvelope(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	for _, target := range []string{
		"/v1/user-service/my/rating", "/v1/iot-service/api/user/nothing", "/v1/iot-service2/api/user/device/file_download",
		"/v1/iot-service/api/slicer2d/settings/bbl_material/1", "/v1/design-service/design/1", "/v1/design-service/profile/1",
		"/v1/design-user-service/my/permission?permType=0", "/v1/design-recommend-service/my/for-you", "/v1/comment-service/rating/inst/1",
		"/v1/search-service/suggest", "/v1/operation-service/configuration", "/v1/point-service/summary", "/v1/report-service/my/report",
		"/v1/aftersale-service/trouble/list", "/v1/task-service/user/taskv2", "/v1/community-service/my/post", "/v1/hub-service/x",
		"/v1/analysis-st/tag/?UID=1", "/v1/analysis-st/tag?UID=1", "/api/v1/design-service/contest/list",
		"/v1/iot-service/api/user/applications/YWJj%2Fdef%3D/cert?aes256=x&ver=1",
		"/v1/user-service/my/messages/type=5&after=1", // as one client writes it
	} {
		for _, credential := range []string{"", "Bearer " + h.Token} {
			e := resttest.Refused(t, h, 404, 404, "GET", target, "", "Authorization", credential)
			if e.Name != "NOT_FOUND" || !strings.Contains(e.Details.Reason, "nothing at") {
				t.Errorf("%s: %+v", target, e)
			}
		}
	}
	resttest.Refused(t, h, 404, 404, "PUT", "/v1/comment-service/rating/1", `{}`)
	resttest.Refused(t, h, 405, 405, "GET", "/v1/user-service/user/consent", "")
}

func TestListsOfTheModelSiteAreEmpty(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	for _, target := range []string{
		"/v1/design-service/favorites/designs/1000001?offset=0&limit=20", "/v1/design-service/design/12/instances?limit=50",
		"/v1/design-service/my/design/recommend?seed=12&limit=10", user + "/my/task/printedplates?instanceId=1",
	} {
		w := h.Ask("GET", target, "")
		if w.Code != 200 || !strings.HasPrefix(w.Body.String(), `{"total":0,"hits":[]`) {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
	}
	if w := h.Ask("GET", "/v1/design-service/design/12/instances", "", "Authorization", ""); w.Code != 200 {
		t.Errorf("asked as bambuddy does: %d %s", w.Code, w.Body)
	}
}

func TestWhatIsToldAndNotKeptIsAnsweredWithNothing(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	for _, c := range []struct{ target, body, credential string }{
		{user + "/user/consent", `{"consentBody":"{\"version\":1}"}`, ""},
		{user + "/user/consent", `{"consentBody":"{}"}`, "Bearer " + h.Token},
		{user + "/user/consent", ``, ""},
		{user + "/user/devicetoken", `{"token":"x","platform":1}`, "Bearer " + h.Token},
	} {
		if w := h.Ask("POST", c.target, c.body, "Authorization", c.credential); w.Code != 200 || w.Body.Len() != 0 {
			t.Errorf("%s %s: %d %q", c.target, c.body, w.Code, w.Body)
		}
	}
	resttest.Refused(t, h, 401, 401, "POST", user+"/user/devicetoken", `{}`, "Authorization", "")
	resttest.Refused(t, h, 400, 400, "POST", user+"/user/consent", `{"consentBody":`, "Authorization", "")
	resttest.Call[cloudapi.MySetting](t, h, 200, "GET", user+"/my/setting", "")
}
