import { AgentOS } from "../dist/index.js";
import { approvingKey, url } from "./support.mjs";

export const approver = new AgentOS({ baseUrl: url, key: approvingKey });
