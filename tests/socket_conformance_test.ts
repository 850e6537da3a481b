import { describe } from "@std/testing/bdd";
import { socketConformance } from "./suites/socket_conformance.ts";
import { runtimeName } from "./suites/serve.ts";

describe(`socketServer() on ${runtimeName}`, socketConformance);
