// Package registry keeps models and device programs in OCI registries, and in OCI layouts on
// disk for sites without a network.
//
// An artifact is one manifest in the form of CNCF ModelPack, which other tools for models
// read too. Each file is a layer of its own, as it is: a model is a weight layer, a device
// program a code layer with its platform in annotations, a model card a document layer.
// Equal files give equal manifests: nothing depends on a clock.
//
// Signatures (FILE.minisig) are layers as well, with a media type of their own. The other
// form that OCI has, a referrer of the manifest, needs an API that several registries lack.
// Its replacement there is a tag that each client reads, changes and writes back, so that
// two clients can lose each other's signature. A layer works in every registry, and file
// and signature change in one step when a tag moves. What is signed is the content of a
// file, not the manifest, so a signature made before the push stays valid in every
// artifact and every registry.
//
// Whatever comes from a registry is checked before it is used: the size of the manifest, the
// number, names and sizes of files before anything is allocated, and SHA-256 while content
// arrives. A hash says that content is what the manifest names, not who made it: that is
// what signatures are for.
package registry
