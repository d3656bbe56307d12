package cloud

import (
	"context"

	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/rest"
)

func (f *face) mountSlicer(rt *rest.Router) {
	resource := get(iotService+"/slicer/resource", tagSlicer, "Updates for the slicer: never any")
	resource.Open = true // the slicer asks before anyone has signed in
	rest.Handle(rt, resource, func(context.Context, *struct{}) (cloudapi.Resources, error) {
		return cloudapi.Resources{Envelope: cloudapi.Success(), Resources: []cloudapi.Resource{}}, nil
	})
}
