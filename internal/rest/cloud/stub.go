package cloud

import (
	"context"

	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/rest"
)

// mountStubs mounts what a cloud of printers has nothing to say to, where silence
// would stop a client: lists of the vendor's model site, which are empty, and what
// slicers and apps tell about themselves, which is not kept. All else of those
// services is 404.
func (f *face) mountStubs(rt *rest.Router) {
	const designs = "/v1/design-service"
	rest.Handle(rt, get(designs+"/favorites/designs/{uid}", tagSite, "Liked models: none"), noHits[struct {
		Window
		UID string `path:"uid"`
	}])
	instances := get(designs+"/design/{id}/instances", tagSite, "Print profiles of a model: none")
	instances.Open = true // bambuddy asks without a credential
	rest.Handle(rt, instances, noHits[struct {
		Window
		ID string `path:"id"`
	}])
	rest.Handle(rt, get(designs+"/my/design/recommend", tagSite, "Models that one may like: none"), noHits[struct {
		Limit int    `query:"limit"`
		Seed  string `query:"seed"`
	}])

	rest.Handle(rt, get(userService+"/my/task/printedplates", tagSite, "Plates that were printed of a model of the site: none"), noHits[struct {
		InstanceID string `query:"instanceId"`
	}])

	consent := post(userService+"/user/consent", tagAccount, "Tolerated: what a person agreed to")
	consent.About = "Slicers ask before anyone has signed in. This server asks for no consent and keeps nothing of it."
	consent.Open, consent.Unkeyed = true, rest.UnkeyedNothing
	rest.Handle(rt, consent, unheeded[cloudapi.ConsentRequest])
	token := post(userService+"/user/devicetoken", tagAccount, "Tolerated: where an app would be pushed messages")
	token.About = "This server pushes nothing to phones; webhooks and MQTT tell what happens."
	rest.Handle(rt, token, unheeded[map[string]any])

	rest.Handle(rt, get(userService+"/my/setting", tagAccount, "How I want to be told of things, as the profile has it"), mySetting)
}

// Window is the part of an empty list that is asked for. It is exported for huma,
// which looks into embedded fields only then.
type Window struct {
	Offset int `query:"offset" minimum:"0"`
	Limit  int `query:"limit" minimum:"0"`
}

// noHits is an empty list.
func noHits[I any](context.Context, *I) (cloudapi.NoHits, error) {
	return cloudapi.NoHits{Hits: []struct{}{}}, nil
}

// unheeded takes anything and answers nothing.
func unheeded[B any](context.Context, *struct{ Body *B }) (rest.Empty, error) {
	return rest.Empty{}, nil
}

func mySetting(context.Context, *struct{}) (cloudapi.MySetting, error) {
	return cloudapi.MySetting{}, nil
}
